/** Lets everything that needs no timer run to its end. */
export async function settled(most = 20): Promise<void> {
  for (let turns = 0; turns < most; turns += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}
