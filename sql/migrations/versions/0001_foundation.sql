-- The foundation: files and their arrivals, facts, quarantine, indicators, verdicts, alerts, ledger.
-- Facts are appended, never updated or deleted. A fact's known_at and recorded_at are its file's (receipt).

create table meta (
    key   text primary key,
    value text not null
);
comment on table meta is 'origin: simulated | real, fixed by the first town file loaded';

create table file (
    file_id   bigint primary key,
    sha256    text not null unique check (sha256 ~ '^[0-9a-f]{64}$'),
    bytes     bigint not null,
    feed      text,
    form      text,
    period    text,
    origin    text check (origin in ('simulated', 'real')),
    rows_read integer not null default 0,
    rejected  integer not null default 0,
    cells     text not null default '{}',
    notes     text not null default '[]'
);
comment on table file is 'one row per distinct content that was accepted; the bytes lie sealed in the file store';
comment on column file.file_id is 'counted up by the load transaction, under its lock';
comment on column file.rejected is 'lines rejected at reading and validation; unmatched identity comes on top, live';
comment on column file.cells is 'JSON: "sheet|field" to column letter or cell, for tracing';

create table receipt (
    receipt_id  bigint primary key,
    path        text not null,
    sha256      text not null,
    file_id     bigint references file,
    feed        text,
    form        text,
    period      text,
    known_at    timestamptz not null,
    recorded_at timestamptz not null,
    rows_read   integer not null,
    accepted    integer not null,
    rejected    integer not null,
    state       text not null check (state in ('accepted', 'duplicate', 'refused')),
    reasons     text not null default '[]'
);
create index receipt_file on receipt (file_id);
create index receipt_recorded_at on receipt (recorded_at);
comment on table receipt is 'every arrival; a file is known from the earliest known_at of its accepted or duplicate receipts';

create table quarantine (
    file_id bigint not null references file,
    sheet   text not null,
    "row"   integer not null,
    field   text not null,
    rule    text not null,
    reason  text not null,
    raw     text not null,
    primary key (file_id, sheet, "row", field, rule)
);

create table control_line (
    file_id bigint not null references file,
    sheet   text not null,
    "row"   integer not null,
    text    text not null,
    primary key (file_id, sheet, "row")
);

create table fact_line (
    file_id bigint not null references file,
    sheet   text not null,
    "row"   integer not null,
    line    integer not null,
    primary key (file_id, sheet, line)
);
comment on table fact_line is 'further source lines a fact row stands for (a firm form); row is the fact''s';

-- Facts. Common head: file_id, sheet, row, subject, period.
-- subject: an 18-character USCC, or 'customs:' + 10, 'org:' + 9, 'name:' + normalised name; resolved to a
-- registered firm at reading (reads.identity), so a register that arrives later matches rows that came earlier.
-- file_id has no foreign key here: checking it row by row halves the speed of COPY, and the load transaction, the only
-- writer, adds the file first.

create table register_entry (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null,            -- USCC
    name text not null, former_names text not null,      -- former names joined by '、'
    customs_code text, group_name text,
    industry text, chain text, node text, ownership text,
    above_scale boolean not null, hightech_firm boolean not null, advanced_mfg boolean not null,
    hightech_mfg boolean not null, specialised boolean not null, doubling boolean not null,
    listed boolean not null, rd_institution boolean not null, key_firm boolean not null,
    leader text, since text, until text,                  -- periods
    primary key (file_id, sheet, "row")
);

create table register_name (
    file_id bigint not null, sheet text not null, "row" integer not null,
    name_key text not null,
    primary key (file_id, sheet, "row", name_key)
);
comment on table register_name is 'present and former names of a register_entry as normalise_name() writes them';

create table authorisation (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, items text not null, readers text not null,   -- '、'-joined ids
    since text not null, until text,
    primary key (file_id, sheet, "row")
);

create table chain_node (
    file_id bigint not null, sheet text not null, "row" integer not null,
    chain text not null, chain_name text not null, node text not null, node_name text not null, upstream text,
    primary key (file_id, sheet, "row")
);

create table output_return (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, period text not null,
    output_m double precision, output_ytd double precision, output_ly_m double precision, output_ly_ytd double precision,
    sales_m double precision, sales_ytd double precision, sales_ly_m double precision, sales_ly_ytd double precision,
    export_m double precision, export_ytd double precision, export_ly_m double precision, export_ly_ytd double precision,
    power_m double precision, power_ytd double precision, power_ly_m double precision, power_ly_ytd double precision,
    primary key (file_id, sheet, "row")
);
comment on table output_return is 'B204-1; money in thousand yuan (千元), power in 10 000 kWh (万千瓦时)';

create table finance_return (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, period text not null,
    receivables double precision, receivables_ly double precision,
    inventories double precision, inventories_ly double precision,
    finished_goods double precision, finished_goods_ly double precision,
    current_assets double precision, current_assets_ly double precision,
    assets double precision, assets_ly double precision,
    liabilities double precision, liabilities_ly double precision,
    revenue double precision, revenue_ly double precision,
    cost double precision, cost_ly double precision,
    tax_surcharge double precision, tax_surcharge_ly double precision,
    selling_expense double precision, selling_expense_ly double precision,
    admin_expense double precision, admin_expense_ly double precision,
    rd_expense double precision, rd_expense_ly double precision,
    financial_expense double precision, financial_expense_ly double precision,
    operating_profit double precision, operating_profit_ly double precision,
    profit double precision, profit_ly double precision,
    payroll double precision, payroll_ly double precision,
    vat double precision, vat_ly double precision,
    employees double precision, employees_ly double precision,
    primary key (file_id, sheet, "row")
);
comment on table finance_return is 'B203, cumulative 1—本月 (stocks: end of period); thousand yuan, employees in persons';

create table self_report (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, period text not null,
    output_m double precision, output_ytd double precision, output_ly_m double precision, output_ly_ytd double precision,
    export_m double precision, export_ytd double precision, export_ly_m double precision, export_ly_ytd double precision,
    employees double precision,
    primary key (file_id, sheet, "row")
);
comment on table self_report is '企业自报: a key firm''s own copy of a few items, an administrative source; thousand yuan';

create table trade_line (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, period text not null,
    flow text not null check (flow in ('I', 'E')), mode text not null, hs text not null, partner text not null,
    quantity double precision, unit text, usd double precision, rmb double precision,
    primary key (file_id, sheet, "row")
);
comment on table trade_line is 'customs enterprise monthly sheet; usd and rmb in units of the currency';

create table bonded_line (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, period text not null,
    document text not null, declared_on date not null, flow text not null check (flow in ('I', 'E')),
    living boolean not null,
    mode text not null, list_type text, customs_declared boolean,
    hs text not null, quantity double precision, usd double precision, gross_kg double precision,
    primary key (file_id, sheet, "row")
);
comment on table bonded_line is 'INV101 goods lines; subject is the cargo''s owner; living is false for returned or deleted documents';

create table reference_point (
    file_id bigint not null, sheet text not null, "row" integer not null,
    series text not null, name text not null, frequency text not null, unit text not null, source text not null,
    period text not null, value double precision not null,
    primary key (file_id, sheet, "row", series)
);
comment on table reference_point is 'an export may hold several series side by side, so a line may give several points';
comment on column reference_point.period is '2026-10, 2026-Q3 or 2026';

create index on register_entry (subject);
create index on output_return (period);
create index on finance_return (period);
create index on self_report (period);
create index on output_return (file_id) where subject like '%:%';
create index on finance_return (file_id) where subject like '%:%';
create index on self_report (file_id) where subject like '%:%';
create index on trade_line (period);
create index on bonded_line (period);
create index on bonded_line (document);
create index on reference_point (series, period);

-- Computed.

create table run (
    run_id      bigint primary key,
    period      text not null,
    known_at    timestamptz not null,
    recorded_at timestamptz not null,
    fingerprint text not null,
    unique (period, known_at, fingerprint)
);
comment on column run.known_at is 'newest known_at among the files used, so that the same inputs give the same run';
comment on column run.fingerprint is 'sha256 over the files used, the catalogue and the package version';

create table indicator_value (
    run_id bigint not null references run,
    indicator text not null, entity_kind text not null, entity text not null, source text not null,
    value double precision, state text not null, coverage double precision,
    groups integer, top2 double precision, hidden_groups integer,
    primary key (run_id, indicator, entity_kind, entity, source)
);

create table verdict (
    run_id bigint not null references run,
    rule text not null, entity_kind text not null, entity text not null, source text not null,
    level smallint not null check (level between 0 and 4),
    evidence text not null,
    primary key (run_id, rule, entity_kind, entity, source)
);
comment on column verdict.level is '0 quiet, 1 蓝, 2 黄, 3 橙, 4 红; no row: could not be judged';

create table alert_event (
    event_id bigint generated always as identity primary key,
    rule text not null, entity_kind text not null, entity text not null, source text not null,
    period text not null, kind text not null, who text not null, why text not null, recorded_at timestamptz not null
);
comment on table alert_event is 'what people did: acknowledged, closed, …; append-only, folded with the verdicts';

create table alert (
    alert_id text primary key,
    rule text not null, entity_kind text not null, entity text not null, source text not null,
    level smallint not null check (level between 1 and 4), state text not null,
    opened text not null, period text not null, closed text, evidence text not null
);
comment on table alert is 'projection of verdicts and events; recomputed, never edited';

create table message (
    message_id text primary key,
    kind text not null, period text not null, reader text not null, recipient text not null,
    subject text not null, body bytea not null,
    state text not null check (state in
        ('planned', 'sending', 'accepted', 'refused', 'deferred', 'bounced', 'failed', 'unknown', 'held')),
    planned_at timestamptz not null, state_at timestamptz not null, detail text not null default '',
    unique (kind, period, reader, recipient)
);
comment on table message is 'the ledger: at most one message per kind, period, reader and recipient';

create table issue (
    issue_id text primary key,
    period text not null, reader text not null,
    known_at timestamptz not null, recorded_at timestamptz not null,
    files text not null,
    counts text not null
);
comment on column issue.counts is 'JSON: files and lines by feed as they stood then, since counts of unknown firms are live';
comment on column issue.files is 'JSON: file name to sha256, so that a replay can be compared byte for byte';
