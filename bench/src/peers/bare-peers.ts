import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Peer } from "./peer.ts";
import { spawnListening } from "./spawn-peer.ts";

function sourceOf(file: string): string {
  return fileURLToPath(new URL(`../../peers/${file}`, import.meta.url));
}

function nodeUnavailable(): string | undefined {
  return Bun.which("node") === null ? "node is not installed" : undefined;
}

export const bunPeer: Peer = {
  name: "bun",
  label: "bare Bun topics",
  searchFrom: 3_000,
  unavailable: () => undefined,
  start: async (prefix) => ({
    ...(await spawnListening([...prefix, process.execPath, sourceOf("bun-topics.ts")])),
    dialect: { kind: "bare" },
  }),
};

export const wsPeer: Peer = {
  name: "ws",
  label: "ws on Node",
  searchFrom: 80,
  unavailable: nodeUnavailable,
  start: async (prefix) => ({
    ...(await spawnListening([...prefix, "node", sourceOf("ws.mjs")])),
    dialect: { kind: "bare" },
  }),
};

export const socketIoPeer: Peer = {
  name: "socket.io",
  label: "Socket.IO",
  searchFrom: 70,
  unavailable: nodeUnavailable,
  start: async (prefix) => ({
    ...(await spawnListening([...prefix, "node", sourceOf("socket-io.mjs")])),
    dialect: { kind: "socket.io" },
  }),
};

function compiler(): string | null {
  return Bun.which("cc") ?? Bun.which("gcc") ?? Bun.which("clang");
}

/** Compiled into a temporary folder at each start; that takes half a second. */
export const epollPeer: Peer = {
  name: "epoll",
  label: "bare C epoll",
  searchFrom: 5_000,
  unavailable: () =>
    process.platform !== "linux"
      ? "epoll needs Linux"
      : compiler() === null
        ? "no C compiler (cc, gcc, clang)"
        : undefined,
  start: async (prefix) => {
    const cc = compiler();
    if (cc === null) throw new Error("no C compiler");
    const folder = mkdtempSync(join(tmpdir(), "switchyard-bench-epoll-"));
    try {
      const binary = join(folder, "epoll");
      const build = Bun.spawnSync([cc, "-O2", "-o", binary, sourceOf("epoll.c")]);
      if (!build.success)
        throw new Error(`epoll.c does not compile: ${build.stderr.toString().slice(0, 500)}`);
      return { ...(await spawnListening([...prefix, binary])), dialect: { kind: "bare" } };
    } finally {
      // The running process keeps its binary.
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
