import { createHash } from "node:crypto";
import type { Incarnation, QueueState, Takeover } from "@switchyard/core";
import type { Sql } from "postgres";

/** Held by who gives queues homes, so that the next one sees what was given: "swyh" in ASCII. */
const HOMES_LOCK = 0x73777968;

/** How the connections of a node's incarnations are called in pg_stat_activity: names are too long for that. */
export function sessionName({ node, epoch }: Incarnation): string {
  return `${sessionPrefix(node)}${epoch}`;
}

function sessionPrefix(node: string): string {
  return `switchyard queues ${createHash("sha256").update(node).digest("hex").slice(0, 16)} `;
}

/** In a transaction. */
export async function takeOver(sql: Sql, node: string, leaseMs: number): Promise<Takeover> {
  await lockHomes(sql);
  await endSessions(sql, [node]);
  const [begun] = await sql<{ epoch: string; now: number }[]>`
    insert into switchyard.broker_nodes as n (name, epoch, lease_until, last_flush)
    values (${node}, 1, clock_timestamp() + ${leaseMs} * interval '1 ms', 0)
    on conflict (name) do update set epoch = n.epoch + 1, lease_until = excluded.lease_until, last_flush = 0
    returning epoch, extract(epoch from clock_timestamp())::float8 * 1000 as now`;
  if (begun === undefined) throw new Error("an upsert returns its row");
  const incarnation = { node, epoch: Number(begun.epoch) };
  await sql`
    insert into switchyard.transient_markers (node, epoch) values (${node}, ${incarnation.epoch})
    on conflict (node) do update set epoch = excluded.epoch`;
  await endExpiredHomes(sql, node, undefined);
  await sql`
    update switchyard.queue_homes h set node = ${node}
    where node is distinct from ${node}
      and not exists (select from switchyard.broker_nodes n where n.name = h.node and n.lease_until > now())`;
  const queues = await readQueues(sql, node, undefined);
  return { incarnation, storeNow: begun.now, queues };
}

/** In a transaction. */
export async function takeHomes(
  sql: Sql,
  { node, epoch }: Incarnation,
  names: readonly string[],
): Promise<readonly QueueState[]> {
  await lockHomes(sql);
  // Kept until the end: no later incarnation begins meanwhile.
  const [current] = await sql`
    select from switchyard.broker_nodes where name = ${node} and epoch = ${epoch} for share`;
  if (current === undefined) return [];
  await endExpiredHomes(sql, node, names);
  await sql`
    update switchyard.queue_homes h set node = ${node}
    where node is distinct from ${node}
      and queue in (select id from switchyard.queues where name = any(${names}::text[]))
      and not exists (select from switchyard.broker_nodes n where n.name = h.node and n.lease_until > now())`;
  return readQueues(sql, node, names);
}

/** Of the transaction, not of the session. The statements after it see what the former holder has committed. */
async function lockHomes(sql: Sql): Promise<void> {
  await sql`select pg_advisory_xact_lock(${HOMES_LOCK})`;
}

/**
 * Ends the incarnations of nodes without a lease whose queues are about to get another home (of `names`, or of all): else
 * they could renew their lease and go on writing to them.
 */
async function endExpiredHomes(
  sql: Sql,
  node: string,
  names: readonly string[] | undefined,
): Promise<void> {
  const ended = await sql<{ name: string }[]>`
    update switchyard.broker_nodes n set epoch = epoch + 1, last_flush = 0
    where name <> ${node} and lease_until <= now() and exists (
      select from switchyard.queue_homes h join switchyard.queues q on q.id = h.queue
      where h.node = n.name and (${names ?? null}::text[] is null or q.name = any(${names ?? null}::text[]))
    )
    returning name`;
  await endSessions(
    sql,
    ended.map(({ name }) => name),
  );
}

/** Asked for without waiting: locks tell when they are gone. Sessions of other roles are left; they are fenced as well. */
async function endSessions(sql: Sql, nodes: readonly string[]): Promise<void> {
  const prefixes = nodes.map(sessionPrefix);
  await sql`
    select pg_terminate_backend(a.pid) from pg_stat_activity a
    where a.usename = current_user and a.datname = current_database() and a.pid <> pg_backend_pid()
      and exists (select from unnest(${prefixes}::text[]) as p (prefix) where starts_with(a.application_name, p.prefix))`;
}

interface QueueRow {
  readonly queue: number;
  readonly name: string;
  readonly next_seq: string;
  readonly delivered_below: string;
}

interface LaneRow {
  readonly queue: number;
  readonly lane: number;
  readonly messages: number;
  readonly bytes: number;
}

/** Reads all messages' sizes: half a second for a million of 120 bytes in memory. */
async function readQueues(
  sql: Sql,
  node: string,
  names: readonly string[] | undefined,
): Promise<readonly QueueState[]> {
  const rows = await sql<QueueRow[]>`
    select h.queue, q.name, h.next_seq, h.delivered_below
    from switchyard.queue_homes h join switchyard.queues q on q.id = h.queue
    where h.node = ${node} and (${names ?? null}::text[] is null or q.name = any(${names ?? null}::text[]))
    order by h.queue`;
  const lanes = new Map(rows.map(({ queue }) => [queue, new Array<QueueState["lanes"][number]>()]));
  const ids = rows.map(({ queue }) => queue);
  for (const table of ["messages", "transient_messages"]) {
    const counted = await sql<LaneRow[]>`
      select queue, lane::int4, count(*)::float8 as messages,
             sum(coalesce(octet_length(body), octet_length(body_bytes)))::float8 as bytes
      from switchyard.${sql(table)} where queue = any(${ids}::int[])
      group by queue, lane order by queue, lane`;
    for (const { queue, ...lane } of counted) lanes.get(queue)?.push(lane);
  }
  return rows.map((row) => ({
    id: row.queue,
    name: row.name,
    nextSeq: Number(row.next_seq),
    deliveredBelow: Number(row.delivered_below),
    lanes: lanes.get(row.queue) ?? [],
  }));
}
