"""What the database itself says it spent: pg_stat_statements, planning included."""


def begin(bench, url):
    bench.sql(url, "select pg_stat_statements_reset()")


def took(bench, url, like="%"):
    """Since begin(), in this database: milliseconds of planning and execution, and calls of what is like that."""
    ms, calls = bench.sql(url, f"""
        select coalesce(sum(total_plan_time + total_exec_time), 0),
               coalesce(sum(calls) filter (where query like '{like}'), 0)
          from pg_stat_statements
         where dbid = (select oid from pg_database where datname = current_database())
           and toplevel and query not like '%pg_stat_statements%'""").split("|")
    return float(ms), int(calls)


def took_like(bench, url, like):
    """Milliseconds, of the statements that are like that only."""
    return float(bench.sql(url, f"""
        select coalesce(sum(total_plan_time + total_exec_time), 0) from pg_stat_statements
         where dbid = (select oid from pg_database where datname = current_database()) and query like '{like}'
           and toplevel and query not like '%pg_stat_statements%'"""))


def track_nested(bench):
    """Statements inside functions too: only for say_top, since it costs a little."""
    bench.sql(bench.server_url, "alter system set pg_stat_statements.track = 'all'")
    bench.sql(bench.server_url, "select pg_reload_conf()")


def say_top(bench, url, what):
    """With --statements: which ones took most of it; those inside functions are set in."""
    if not bench.says_statements:
        return
    bench.note(what + ":\n" + bench.sql(url, """
        select format('%s%s ms, planning %s ms, %s calls: %s', case when toplevel then '  ' else '      ' end,
                      lpad(round(total_exec_time::numeric, 2)::text, 9), lpad(round(total_plan_time::numeric, 2)::text, 9),
                      lpad(calls::text, 6), left(regexp_replace(query, '\\s+', ' ', 'g'), 110))
          from pg_stat_statements
         where dbid = (select oid from pg_database where datname = current_database())
           and query not like '%pg_stat_statements%'
         order by total_exec_time + total_plan_time desc limit 25"""))
