-- Streams of the memory bus, written when a node drains and taken back when it starts.
--
-- Names, epochs and ids are JSON strings without their quotes (\u0000 and the like escaped), because text in
-- PostgreSQL cannot hold every string that a client can send.

create table switchyard.streams (
  node          text not null,
  stream        int not null,              -- numbers the streams of one save
  channel       text not null,
  epoch         text not null,
  top           bigint not null,
  version       double precision not null,
  version_epoch text not null,
  expires_at    timestamptz not null,      -- end of epoch and top
  primary key (node, stream)
);

create table switchyard.stream_publications (
  node          text not null,
  stream        int not null,
  "offset"      bigint not null,
  id            text not null,
  data          bytea not null,
  is_json       boolean not null,          -- data is JSON text in UTF-8, to be given back byte for byte
  info          text,                      -- JSON: {user, client, connInfo, chanInfo}, the latter two as strings
  tags          text,                      -- JSON: {name: value}
  published_at  double precision not null, -- milliseconds since 1970, with fraction
  expires_at    timestamptz not null,
  primary key (node, stream, "offset")     -- no foreign key: its checks took a fifth of the time of a save
);
