-- The same streams, many publications in a row: rows of their own took two to four times as long to write, for the rows
-- themselves and for compression. What the tables before this hold is given up, so that those epochs end once.

drop table switchyard.stream_publications;
drop table switchyard.streams;

create table switchyard.stream_chunks (
  node     text not null,
  chunk    int not null,         -- from 1, without gaps: streams go on from one chunk to the next
  saved_at timestamptz not null, -- the lives that are left count from here
  records  text not null,        -- JSON lines, see stream-chunk.ts
  payloads bytea not null,       -- the data of the publications one after the other
  primary key (node, chunk)
);

alter table switchyard.stream_chunks
  alter column records set storage external,
  alter column payloads set storage external;
