// What must hold for package-lock.json, and `node tools/lock-file.mjs`, which completes it.
//
// npm leaves packages for other platforms out of the lock file when the registry at hand does not serve them.
// `npm ci` then refuses the file on every machine, so their names and versions are added here, without a checksum.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const DEPENDENCY_FIELDS = [
  "dependencies",
  "devDependencies",
  "optionalDependencies",
  "peerDependencies",
];

/** A sentence for each thing that is wrong with the lock file in `root`. */
export function lockFileProblems(root) {
  const text = readFileSync(path.join(root, "package-lock.json"), "utf8");
  const lock = JSON.parse(text);
  const addresses = text.match(/"resolved": "(https?|git|ssh)[^"]*"/g) ?? [];
  const missing = missingPackages(lock);
  return [
    ...(addresses.length === 0
      ? []
      : [
          `${addresses.length} download addresses, the first ${addresses[0]}; keep omit-lockfile-registry-resolved in .npmrc and lock again`,
        ]),
    ...(missing.length === 0
      ? []
      : [
          `${missing.length} packages for other platforms are missing, the first ${missing[0].name}; run: node tools/lock-file.mjs`,
        ]),
    ...Object.keys(lock.packages)
      .filter((location) => !location.includes("node_modules"))
      .filter((location) => !describesManifest(root, location, lock.packages[location]))
      .map(
        (location) => `${path.posix.join(location, "package.json")} has changed; run: npm install`,
      ),
  ];
}

/** Compares what the lock file says of a workspace with its package.json. */
function describesManifest(root, location, entry) {
  const file = path.join(root, location, "package.json");
  if (!existsSync(file)) return false;
  const manifest = JSON.parse(readFileSync(file, "utf8"));
  const sorted = (record = {}) => JSON.stringify(Object.entries(record).toSorted());
  return DEPENDENCY_FIELDS.every((field) => sorted(manifest[field]) === sorted(entry[field]));
}

/** Optional packages with an exact version that a locked package names and the lock file does not hold. */
function missingPackages(lock) {
  const missing = new Map();
  for (const [location, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version) || resolves(lock, location, name)) continue;
      missing.set(`node_modules/${name}`, { name, version, development: entry.dev === true });
    }
  }
  return [...missing].map(([location, found]) => ({ location, ...found }));
}

/** Looks a package up as Node does: in the nearest node_modules, then in those above. */
function resolves(lock, location, name) {
  for (
    let current = location;
    ;
    current = current.slice(0, Math.max(0, current.lastIndexOf("/")))
  ) {
    const candidate = current === "" ? `node_modules/${name}` : `${current}/node_modules/${name}`;
    if (Object.hasOwn(lock.packages, candidate)) return true;
    if (current === "") return false;
  }
}

function complete(root) {
  const file = path.join(root, "package-lock.json");
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const missing = missingPackages(lock);
  for (const { location, name, version, development } of missing) {
    const { cpu, libc, os } = platformOf(name);
    // In the order in which npm writes them; what is undefined is left out.
    const dev = development ? true : undefined;
    lock.packages[location] = { version, cpu, dev, libc, optional: true, os };
  }
  const packages = Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, "en"));
  lock.packages = Object.fromEntries(packages);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  process.stdout.write(`${missing.length} packages added\n`);
}

/** The `os`, `cpu` and `libc` of a platform package, told by the words of its name. */
function platformOf(name) {
  const words = name.slice(name.indexOf("/") + 1).split("-");
  const one = (of) => words.find((word) => Object.hasOwn(of, word));
  const os = one({ android: 1, darwin: 1, freebsd: 1, linux: 1, openharmony: 1, win32: 1 });
  const cpu = one({ arm: 1, arm64: 1, ia32: 1, ppc64: 1, riscv64: 1, s390x: 1, wasm32: 1, x64: 1 });
  if (cpu === undefined || (os === undefined && cpu !== "wasm32")) {
    throw new Error(`No platform in the name of ${name}: its entry has to be written by hand`);
  }
  const last = words.at(-1);
  const libc = last.startsWith("musl") ? ["musl"] : last.startsWith("gnu") ? ["glibc"] : undefined;
  return { cpu: [cpu], libc, os: os === undefined ? undefined : [os] };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  complete(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
}
