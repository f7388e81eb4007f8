// The same work as waybill's drain, done by what one would take instead:
//
//     node peer.mjs prepare|drain KIND DATABASE_URL API_URL COUNT IN_FLIGHT
//
// Every kind POSTs the same bodies through undici with keep-alive (the script that is usually written: through
// fetch) and stores the id that came back for each. drain prints what it took between the first claim and
// the last stored result, start and end of the process left out: {"seconds", "cpu_us", "peak_kb"}.
import pg from 'pg';
import { Pool } from 'undici';

const [command, kind, databaseUrl, apiUrl, countText, inFlightText] = process.argv.slice(2);
const count = Number(countText);
const inFlight = Number(inFlightText);
const headers = { 'content-type': 'application/json', authorization: 'Bearer sk_test_bench' };
const BATCH = 200;

function bodyOf(n) {
  const order = String(230000000000 + n);
  const parcel = '1Z' + String(n).padStart(16, '0');
  return {
    orderId: order,
    items: [{ itemId: order + '01', quantity: 1, cancelQuantity: 0 }],
    trackingCompany: 'UPS',
    trackingNumber: parcel,
    trackingUrl: 'https://tracking.example.com/' + parcel,
    metadata: {
      waybill_submission: '00000000-0000-4000-8000-' + String(n).padStart(12, '0'),
      waybill_instance: '5fb2f9f4-6f0e-4c52-9d4a-0c6d6f6e2f11',
    },
  };
}

async function sql(text, values) {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  try {
    return await client.query(text, values);
  } finally {
    await client.end();
  }
}

function opened() {
  return new Pool(apiUrl, { connections: inFlight, pipelining: 1 });
}

async function post(api, body) {
  const answer = await api.request({
    path: '/fulfillments', method: 'POST', headers, body: JSON.stringify(body),
  });
  const created = await answer.body.json();
  if (answer.statusCode !== 201) throw new Error(`status ${answer.statusCode}`);
  return created.id;
}

// From here to said(): what the work took.
const took = { began: 0, cpu: null };
function begin() {
  took.cpu = process.cpuUsage();
  took.began = performance.now();
}
function said() {
  const cpu = process.cpuUsage(took.cpu);
  console.log(JSON.stringify({
    seconds: (performance.now() - took.began) / 1000,
    cpu_us: cpu.user + cpu.system,
    peak_kb: process.resourceUsage().maxRSS,
  }));
}

// ---------------------------------------------------------------- graphile-worker

async function graphilePrepare() {
  const { runMigrations } = await import('graphile-worker');
  await runMigrations({ connectionString: databaseUrl });
  await sql('create table peer_results (n bigint primary key, fulfillment_id text, status int, stored_at timestamptz default now())');
  for (let first = 1; first <= count; first += 1000) {
    const jobs = [];
    for (let n = first; n < first + 1000 && n <= count; n++) {
      jobs.push({ identifier: 'post', payload: { n, body: bodyOf(n) } });
    }
    await sql('select graphile_worker.add_jobs(array(select json_populate_recordset(null::graphile_worker.job_spec, $1::json)))',
      [JSON.stringify(jobs)]);
  }
  await sql('vacuum analyze');
}

// Its fastest mode, with a local queue and completions in batches; each task stores its own result.
async function graphileDrain() {
  const { run, Logger } = await import('graphile-worker');
  const api = opened();
  const db = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  let stored = 0;
  let finished;
  const all = new Promise((resolve) => { finished = resolve; });
  begin();
  const runner = await run({
    taskList: {
      post: async ({ n, body }) => {
        const id = await post(api, body);
        await db.query({ name: 'store', text: 'insert into peer_results (n, fulfillment_id, status) values ($1, $2, 201)', values: [n, id] });
        if (++stored === count) {
          said();
          finished();
        }
      },
    },
    preset: {
      worker: {
        connectionString: databaseUrl,
        concurrentJobs: inFlight,
        maxPoolSize: 10,
        pollInterval: 100,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
        logger: new Logger(() => () => {}),
      },
    },
  });
  await all;
  await runner.stop();
  await db.end();
  await api.close();
}

// ---------------------------------------------------------------- pg-boss

async function bossOpened() {
  const { default: PgBoss } = await import('pg-boss');
  const boss = new PgBoss({ connectionString: databaseUrl, max: 10, supervise: false, schedule: false });
  boss.on('error', (error) => { throw error; });
  await boss.start();
  return boss;
}

async function bossPrepare() {
  const boss = await bossOpened();
  await boss.createQueue('post');
  await sql('create table peer_results (n bigint primary key, fulfillment_id text, status int, stored_at timestamptz default now())');
  for (let first = 1; first <= count; first += 1000) {
    const jobs = [];
    for (let n = first; n < first + 1000 && n <= count; n++) jobs.push({ name: 'post', data: { n, body: bodyOf(n) } });
    await boss.insert(jobs);
  }
  await boss.stop({ graceful: false });
  await sql('vacuum analyze');
}

// Its best: three loops that fetch 200 each, results stored by array, and one completion for them all.
async function bossDrain() {
  const boss = await bossOpened();
  const api = opened();
  const db = new pg.Pool({ connectionString: databaseUrl, max: 3 });
  begin();
  await Promise.all([1, 2, 3].map(async () => {
    for (;;) {
      const jobs = await boss.fetch('post', { batchSize: BATCH });
      if (jobs.length === 0) return;
      const ids = await Promise.all(jobs.map((job) => post(api, job.data.body)));
      await db.query({
        name: 'store',
        text: 'insert into peer_results (n, fulfillment_id, status) select n, id, 201 from unnest($1::bigint[], $2::text[]) as u (n, id)',
        values: [jobs.map((job) => job.data.n), ids],
      });
      await boss.complete('post', jobs.map((job) => job.id));
    }
  }));
  said();
  await db.end();
  await api.close();
  await boss.stop({ graceful: false });
}

// ---------------------------------------------------------------- scripts

async function tablePrepare() {
  await sql(`create table peer_jobs (
      n bigint primary key, body jsonb not null, state text not null default 'due', tries int not null default 0,
      claimed_at timestamptz, fulfillment_id text, done_at timestamptz)`);
  await sql(`create index on peer_jobs (n) where state = 'due'`);
  for (let first = 1; first <= count; first += 1000) {
    const bodies = [];
    for (let n = first; n < first + 1000 && n <= count; n++) bodies.push(bodyOf(n));
    await sql('insert into peer_jobs (n, body) select $1::bigint + o - 1, b from json_array_elements($2::json) with ordinality as e (b, o)',
      [first, JSON.stringify(bodies)]);
  }
  await sql('vacuum analyze');
}

// A script made well: claims of 200, committed before anything is sent; results stored by array; the next
// claim and the last results on their way while others are in flight. It keeps no ledger of units.
async function scriptDrain() {
  const api = opened();
  const db = new pg.Pool({ connectionString: databaseUrl, max: 3 });
  const claim = () => db.query({
    name: 'claim',
    text: `update peer_jobs set state = 'sending', tries = tries + 1, claimed_at = now()
            where n = any (array(select n from peer_jobs where state = 'due' order by n limit ${BATCH} for update skip locked))
           returning n, body`,
  });
  const store = (batch) => db.query({
    name: 'store',
    text: `update peer_jobs j set state = 'done', fulfillment_id = u.id, done_at = now()
             from unnest($1::bigint[], $2::text[]) as u (n, id) where j.n = u.n and j.state = 'sending'`,
    values: [batch.map((x) => x[0]), batch.map((x) => x[1])],
  });
  let ready = [];
  let results = [];
  let storing = [];
  let next = null;
  let isOver = false;
  const take = async () => {
    for (;;) {
      if (ready.length > 0) {
        const job = ready.pop();
        if (ready.length < inFlight && next === null && !isOver) next = claim();
        return job;
      }
      if (isOver) return null;
      if (next === null) next = claim();
      const waited = next;
      const { rows } = await waited;
      if (next === waited) {
        next = null;
        if (rows.length === 0) isOver = true;
        ready = ready.concat(rows);
      }
    }
  };
  begin();
  await Promise.all(Array.from({ length: inFlight }, async () => {
    for (let job = await take(); job !== null; job = await take()) {
      results.push([job.n, await post(api, job.body)]);
      if (results.length >= BATCH) {
        storing.push(store(results));
        results = [];
      }
    }
  }));
  if (results.length > 0) storing.push(store(results));
  await Promise.all(storing);
  said();
  await db.end();
  await api.close();
}

// What is usually written: one after the other, a row at a time.
async function loopDrain() {
  const db = new pg.Client(databaseUrl);
  await db.connect();
  begin();
  for (;;) {
    const { rows } = await db.query(`select n, body from peer_jobs where state = 'due' order by n limit 1`);
    if (rows.length === 0) break;
    const answer = await fetch(apiUrl + '/fulfillments', { method: 'POST', headers, body: JSON.stringify(rows[0].body) });
    const created = await answer.json();
    if (answer.status !== 201) throw new Error(`status ${answer.status}`);
    await db.query(`update peer_jobs set state = 'done', fulfillment_id = $2, done_at = now() where n = $1`, [rows[0].n, created.id]);
  }
  said();
  await db.end();
}

const kinds = {
  graphile: { prepare: graphilePrepare, drain: graphileDrain },
  pgboss: { prepare: bossPrepare, drain: bossDrain },
  script: { prepare: tablePrepare, drain: scriptDrain },
  loop: { prepare: tablePrepare, drain: loopDrain },
};
if (!(kind in kinds) || !(command in kinds[kind]) || !(count > 0) || !(inFlight > 0)) {
  console.error('usage: node peer.mjs prepare|drain graphile|pgboss|script|loop DATABASE_URL API_URL COUNT IN_FLIGHT');
  process.exit(2);
}
await kinds[kind][command]();
