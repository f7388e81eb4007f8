-- bad_rows: a relation full of mistakes, for tests of what the bridge does with them.
--
--   warehouse.line_items: wms.waybill_bad_rows       everything below but the rows that raise
--   warehouse.line_items: wms.waybill_unreadable     the same, and reading 'bad-raises' fails
--   table wms.bad_api_orders;                        the orders for the sandbox
--
-- Each order has one case. Its lines are named for what must become of them:
--   'bad'    discrepancy `expect` (one of them, where two answers are right), nothing is posted
--   'good'   an innocent line of the same order: 2 of 2 shipped, and posted
-- Needs no other file.

create schema if not exists wms;

create table wms.bad_rows (
    n int generated always as identity primary key,
    about text not null,
    expect text[],
    raises boolean not null default false,
    order_id text,
    item_id text,
    shipment_ref text,
    ordered_quantity numeric,
    shipped_quantity numeric,
    cancelled_quantity numeric
);
comment on table wms.bad_rows is 'rows that no warehouse should have, and what must come of them';
comment on column wms.bad_rows.about is 'the case in words';
comment on column wms.bad_rows.expect is
    'kinds of discrepancy, one of which its line must get; NULL: none, and what the row says is posted';
comment on column wms.bad_rows.raises is
    'wms.waybill_unreadable fails with a division by zero here';

insert into wms.bad_rows
       (order_id, item_id, shipment_ref, ordered_quantity, shipped_quantity, cancelled_quantity, expect, about)
values
    -- bad_row: not a number of units.
    ('bad-null-shipped', 'bad', 'P1', 2, null, 0, '{bad_row}', 'shipped is null'),
    ('bad-null-cancelled', 'bad', 'P1', 2, 1, null, '{bad_row}', 'cancelled is null'),
    ('bad-null-ordered', 'bad', 'P1', null, 1, 0, '{bad_row}', 'ordered is null'),
    ('bad-negative-shipped', 'bad', 'P1', 2, -1, 0, '{bad_row}', 'shipped is negative'),
    ('bad-negative-cancelled', 'bad', 'P1', 2, 1, -1, '{bad_row}', 'cancelled is negative'),
    ('bad-negative-ordered', 'bad', 'P1', -2, 0, 0, '{bad_row}', 'ordered is negative'),
    ('bad-fraction', 'bad', 'P1', 2, 1.5, 0, '{bad_row}', 'one and a half units'),
    ('bad-fraction-tiny', 'bad', 'P1', 2, 1.0000000000000000001, 0, '{bad_row}', 'whole only for a double'),
    ('bad-nan', 'bad', 'P1', 2, 'NaN', 0, '{bad_row}', 'not a number, greater than any for numeric'),
    ('bad-infinity', 'bad', 'P1', 'Infinity', 1, 0, '{bad_row}', 'no end of units'),
    -- Two negatives that add up to something innocent are still bad.
    ('bad-hidden-negative', 'bad', 'P1', 4, 3, 0, '{bad_row}', 'sums to 2 with the next row'),
    ('bad-hidden-negative', 'bad', 'P2', 4, -1, 0, '{bad_row}', 'sums to 2 with the row before'),
    -- bad_row: keys.
    ('bad-empty-item', '', 'P1', 2, 1, 0, '{bad_row}', 'item is empty'),
    ('bad-null-item', null, 'P1', 2, 1, 0, '{bad_row}', 'item is null'),
    ('bad-key-twice', 'bad', 'P1', 4, 1, 0, '{bad_row}', 'a fan-out join: one key, two rows'),
    ('bad-key-twice', 'bad', 'P1', 4, 1, 0, '{bad_row}', 'the same again'),
    ('bad-key-twice-empty', 'bad', null, 4, 1, 0, '{bad_row}', 'null and '''' are one shipment_ref'),
    ('bad-key-twice-empty', 'bad', '', 4, 1, 0, '{bad_row}', 'null and '''' are one shipment_ref'),
    ('bad-two-ordered', 'bad', 'P1', 4, 1, 0, '{bad_row}', 'two ordered quantities on one line'),
    ('bad-two-ordered', 'bad', 'P2', 5, 1, 0, '{bad_row}', 'two ordered quantities on one line'),
    -- over_quantity: more than was ordered; by one kind, by both together, over rows.
    ('bad-over-shipped', 'bad', 'P1', 2, 3, 0, '{over_quantity}', 'shipped above ordered'),
    ('bad-over-cancelled', 'bad', '', 2, 0, 3, '{over_quantity}', 'cancelled above ordered'),
    ('bad-over-sum', 'bad', 'P1', 2, 2, 1, '{over_quantity}', 'shipped and cancelled above ordered'),
    ('bad-over-rows', 'bad', 'P1', 2, 2, 0, '{over_quantity}', 'each row alone would do'),
    ('bad-over-rows', 'bad', 'P2', 2, 1, 0, '{over_quantity}', 'each row alone would do'),
    -- Against the order at the API (wms.bad_api_orders: 2 units of 'bad').
    ('bad-unknown-item', 'nobody-knows-me', 'P1', 2, 1, 0, '{unknown_item}', 'the API''s order lacks the item'),
    ('bad-item-case', 'BAD', 'P1', 2, 1, 0, '{unknown_item}', 'ids differ by case: another item'),
    ('bad-ordered-more', 'bad', 'P1', 5, 1, 0, '{ordered_mismatch}', 'the API knows of 2 units, we of 5'),
    ('bad-ordered-less', 'bad', 'P1', 1, 1, 0, '{ordered_mismatch}', 'the API knows of 2 units, we of 1'),
    -- Huge numbers: refused as such, or for what is ordered; never an overflow that stops the batch.
    ('bad-huge-int4', 'bad', 'P1', 3000000000, 3000000000, 0, '{ordered_mismatch,bad_row}', 'above 2^31'),
    ('bad-huge-int8', 'bad', 'P1', 9223372036854775807, 9223372036854775807, 0,
     '{ordered_mismatch,bad_row}', '2^63 - 1'),
    ('bad-huge-sum', 'bad', 'P1', 9223372036854775807, 9223372036854775807, 9223372036854775807,
     '{over_quantity,bad_row}', 'each fits 64 bits, the sum does not'),
    ('bad-huge-numeric', 'bad', 'P1', 1e30, 1e30, 0, '{bad_row}', 'fits nothing'),
    -- Not ours: counted, no discrepancy, nothing posted.
    (null, 'bad', 'P1', 2, 1, 0, null, 'order is null: not ours'),
    ('', 'bad', 'P1', 2, 1, 0, null, 'order is empty: not ours'),
    (null, null, null, null, null, null, null, 'nothing at all: not ours'),
    -- Odd but right: posted as they say.
    ('odd-scale', 'bad', 'P1', 2.00, 2.000, 0.0, null, 'whole numbers with a scale'),
    ('odd-zero', 'bad', 'P1', 2, 0, 0, null, 'nothing to say yet'),
    ('odd-spaces', 'bad', '   ', 2, 1, 0, null, 'a shipment_ref of spaces is one'),
    ('odd-spaces', 'bad', '', 2, 1, 0, null, 'and differs from the empty one');

-- An innocent line in each order: a poisoned line stops itself only.
insert into wms.bad_rows
       (order_id, item_id, shipment_ref, ordered_quantity, shipped_quantity, cancelled_quantity, about)
select distinct b.order_id, 'good', 'P1', 2, 2, 0, 'innocent line beside a bad one'
  from wms.bad_rows as b
 where b.order_id <> '';

-- unreadable: the relation raises for this order, and only this order must suffer.
insert into wms.bad_rows
       (order_id, item_id, shipment_ref, ordered_quantity, shipped_quantity, cancelled_quantity,
        expect, raises, about)
values ('bad-raises', 'bad', 'P1', 2, 1, 0, '{unreadable}', true, 'reading the row divides by zero'),
       ('bad-raises', 'good', 'P1', 2, 2, 0, '{unreadable}', false, 'can''t be read without the other row');

create index on wms.bad_rows (order_id);

create view wms.waybill_bad_rows as
select b.order_id, b.item_id, b.shipment_ref, b.ordered_quantity, b.shipped_quantity, b.cancelled_quantity
  from wms.bad_rows as b
 where b.order_id is distinct from 'bad-raises';
comment on view wms.waybill_bad_rows is 'the bad rows in the shape that the bridge reads';

create view wms.waybill_unreadable as
select b.order_id, b.item_id, b.shipment_ref, b.ordered_quantity,
       b.shipped_quantity / case when b.raises then 0 else 1 end as shipped_quantity,
       b.cancelled_quantity
  from wms.bad_rows as b;
comment on view wms.waybill_unreadable is 'the same, with one order that cannot be read';

-- One mistake a case: where the API's quantity is not the point, it is what the row says.
create view wms.bad_api_orders as
select jsonb_build_object(
           'id', b.order_id, 'upstreamId', 'BAD-' || min(b.n), 'state', 'accepted',
           'items', jsonb_build_array(
               jsonb_build_object('id', 'bad', 'quantity',
                   case when b.order_id like 'bad-ordered-%' then 2
                        else coalesce(max(b.ordered_quantity)
                                          filter (where b.ordered_quantity between 1 and 1000), 2) end),
               jsonb_build_object('id', 'good', 'quantity', 2))) as api_order
  from wms.bad_rows as b
 where b.order_id <> ''
 group by b.order_id;
comment on view wms.bad_api_orders is
    'the same orders as the sandbox takes them: an item bad and an item good';
