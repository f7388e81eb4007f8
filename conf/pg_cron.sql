-- What a database with pg_cron can do for waybill by itself. The posting is the program's own work, which
-- a database can't do: that is waybill.service, waybill-run.timer or waybill.crontab.
--
-- As the ledger's owner, in the database of cron.database_name or with cron.schedule_in_database; change
-- the schema where it isn't "waybill". To take one away: select cron.unschedule('waybill-pause').

-- Nothing is posted while stock is taken, on Sundays from 22 to 23 o'clock.
select cron.schedule('waybill-pause', '0 22 * * 0', $$select waybill.pause('stock-taking', 'pg_cron')$$);
select cron.schedule('waybill-resume', '0 23 * * 0', $$select waybill.resume('stock-taking is over', 'pg_cron')$$);

-- The next run after midnight reads the whole relation, when the warehouse is quiet.
select cron.schedule('waybill-sweep', '5 0 * * *', $$select waybill.want_sweep('every night')$$);

-- The state of every hour, for who has neither Prometheus nor Grafana.
create table if not exists waybill_health as
select clock_timestamp() as at, h.* from waybill.report_health h limit 0;
select cron.schedule('waybill-health', '0 * * * *',
    $$insert into waybill_health (at, mode, backlog, unknown, unknown_age_s, held, open_discrepancies, last_run_age_s)
      select clock_timestamp(), mode, backlog, unknown, unknown_age_s, held, open_discrepancies, last_run_age_s
        from waybill.report_health$$);
