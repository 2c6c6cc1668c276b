-- Customs in full: declarations, published totals, and the vintage of the monthly sheet.

alter table trade_line add column vintage text
    check (vintage in ('preliminary', 'monthly', 'corrected', 'final'));
comment on column trade_line.vintage is '快讯, 月报, 修正, 年鉴; null (loaded before there was the column) counts as monthly';

create table declaration_line (
    file_id bigint not null, sheet text not null, "row" integer not null,
    subject text not null, period text not null,
    entry_id text not null, entered_on date not null, declared_on date,
    flow text not null check (flow in ('I', 'E')),
    mode text not null, owner text,
    hs text not null, partner text not null,
    quantity double precision, unit text,
    currency text not null, price double precision, amount double precision not null,
    usd double precision, rmb double precision,
    transaction_mode text, levy text, duty_mode text,
    gross_kg double precision, net_kg double precision,
    primary key (file_id, sheet, "row")
);
comment on table declaration_line is 'goods lines of customs declarations (DecMessage); subject is the trading firm (境内收发货人)';
comment on column declaration_line.sheet is 'the declaration''s number, so that a line can be found in a file of many; empty where it is unreadable';
comment on column declaration_line.entered_on is 'IEDate; the period is its month';
comment on column declaration_line.owner is 'the firm that uses or made the goods, written as a subject; null where it is not told or wrong';
comment on column declaration_line.amount is 'DeclTotal in units of the currency; usd and rmb only where that is the currency or a rate is known';
comment on column declaration_line.gross_kg is 'of the whole declaration, repeated on its lines: never to be summed over them';
create index on declaration_line (period);
create index on declaration_line (entry_id);

create table trade_total (
    file_id bigint not null, sheet text not null, "row" integer not null,
    period text not null,
    flow text not null check (flow in ('I', 'E')),
    hs text not null, partner text not null, mode text not null, district text not null,
    quantity double precision, unit text, quantity2 double precision, unit2 text,
    usd double precision, rmb double precision,
    primary key (file_id, sheet, "row")
);
comment on table trade_total is 'published customs statistics, no firm in them; partner, mode, district: empty where the download is not broken down by it';
comment on column trade_total.usd is 'a download is in one currency; one in dollars and one in yuan stand side by side, with the same quantities';
create index on trade_total (period);
