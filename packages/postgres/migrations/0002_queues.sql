-- Exchanges, queues, bindings, and the messages in queues.
--
-- Times of messages and ids are milliseconds since 1970 with fraction, as they travel: nothing is lost or converted on
-- the way. Definitions are JSON in text, because jsonb does not hold every string that JSON can write.
-- Tables that change with each message have no foreign keys.

-- Topology: written under a lock on the row of topology_version, so that versions are in the order of commit.

create table switchyard.topology_version (
  only_row      boolean primary key default true check (only_row),
  version       bigint not null
);

insert into switchyard.topology_version (version) values (0);

create table switchyard.topology_changes (
  version       bigint primary key,
  change        text not null              -- JSON
);

create table switchyard.exchanges (
  name          text primary key,
  definition    text not null              -- JSON
);

create table switchyard.queues (
  id            int generated always as identity primary key, -- never used twice, so that rows left behind belong to nobody
  name          text not null unique,
  definition    text not null              -- JSON
);

create table switchyard.bindings (
  identity      text primary key,          -- SHA-256 of what makes two bindings the same
  exchange      text not null,
  destination_type text not null,
  destination   text not null,
  definition    text not null              -- JSON
);

create index bindings_by_exchange on switchyard.bindings (exchange);
create index bindings_by_destination on switchyard.bindings (destination);

-- Nodes and homes

-- One row a node: who holds its lock at the right epoch may write. last_flush is changed by flushes and takeovers alone.
create table switchyard.broker_nodes (
  name          text primary key,
  epoch         bigint not null,
  lease_until   timestamptz not null,
  last_flush    bigint not null
) with (fillfactor = 50);

-- The latest flushes of a node that had more to tell than "committed", which is told again to who sends them again.
create table switchyard.flush_outcomes (
  node          text not null,
  epoch         bigint not null,
  flush         bigint not null,
  duplicates    text not null,             -- JSON array of indices
  transient_intact boolean not null,
  primary key (node, epoch, flush)
);

create table switchyard.queue_homes (
  queue         int primary key,
  node          text,                      -- null: nobody's yet
  next_seq      bigint not null,           -- above all that were ever given
  delivered_below bigint not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- Messages. The columns are in the order that wastes no bytes on alignment.

create table switchyard.messages (
  queue         int not null,
  lane          smallint not null,
  priority      smallint not null,
  seq           bigint not null,
  published_at  double precision not null,
  expires_at    double precision,
  deliver_at    double precision,
  attempts      int not null,
  id            text not null,
  exchange      text not null,
  key           text not null,
  headers       text not null,             -- JSON
  content_type  text,                      -- null: application/json
  body          text,                      -- JSON, given back byte for byte. Or else:
  body_bytes    bytea,
  deaths        text,                      -- JSON
  primary key (queue, lane, seq),
  check ((body is null) <> (body_bytes is null))
);

create index messages_by_time on switchyard.messages (queue, deliver_at, seq) where lane = 10;

create unlogged table switchyard.transient_messages (like switchyard.messages including all);

-- Queues are tables of which everything is soon dead: vacuumed by rows, not by share, and without pauses.
alter table switchyard.messages set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.5, autovacuum_analyze_threshold = 50000
);
alter table switchyard.transient_messages set (
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_analyze_scale_factor = 0.5, autovacuum_analyze_threshold = 50000
);

-- Empty after a crash, as transient_messages then is: what its row is looked for.
create unlogged table switchyard.transient_markers (
  node          text primary key,
  epoch         bigint not null
);

-- Ids that publishers gave

create table switchyard.event_ids (
  exchange      text collate "C" not null,
  publisher     text collate "C" not null,
  id            text collate "C" not null,
  expires_at    double precision not null,
  position      int not null,              -- in the flush that recorded it
  primary key (exchange, publisher, id)
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 20000, autovacuum_vacuum_cost_delay = 0);

create index event_ids_by_expiry on switchyard.event_ids (expires_at);
