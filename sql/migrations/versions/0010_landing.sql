-- Landing: what the landing folder looked like last time, and what was fetched from the office's SFTP servers.

-- A file replaced in place by one of the same size and time is a new arrival all the same.
alter table landed drop constraint landed_path_bytes_modified_key;
alter table landed add unique (path, bytes, modified, sha256);

create table landing_look (
    path          bytea primary key,
    bytes         bigint not null,
    modified      bigint not null,
    changed       bigint not null,
    same_since    timestamptz not null,
    waiting_since timestamptz,
    why           text not null
);
comment on table landing_look is 'the landing folder as last seen, one row a path; a memory, rows change and go with the files';
comment on column landing_look.path is 'below the landing folder, as the file system writes it';
comment on column landing_look.changed is 'time of change of the inode, nanoseconds: nobody can set it back, as a copy does with modified';
comment on column landing_look.same_since is 'when size and times were first seen as they are';
comment on column landing_look.waiting_since is 'since when it lies there without having been kept; null: these bytes are kept';
comment on column landing_look.why is 'why it waits; empty: only until it has been still for long enough, or kept';

create table fetched (
    server     text not null,
    path       bytea not null,
    bytes      bigint not null,
    modified   bigint not null,
    sha256     text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    name       text not null,
    fetched_at timestamptz not null default clock_timestamp(),
    primary key (server, path, bytes, modified)
);
comment on table fetched is 'files brought from SFTP servers, by what tells them there; name: where they were laid, below the landing folder';

create table fetch_state (
    server        text primary key,
    tried_at      timestamptz not null,
    failing_since timestamptz,
    words         text not null
);
comment on table fetch_state is 'how the last fetch from a server ended; failing_since: since when it does not bring everything';
