import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { freshFolder, SLUICE } from './commands.ts'
import type { Measure, Row } from './measures.ts'
import { answers, findBenchPort, type Peers } from './peers.ts'

const SIZES = [100, 1_000, 10_000]
/** How often work is asked for at each size. */
const ASKED = 40
/** So many calls are not counted: Node compiles what is called often. */
const WARM_UP = 60
const WORKERS = 50
const AIM = 20

/** Milliseconds of one call: the middle one, and the slowest of twenty. */
interface Latency {
  median: number
  slow: number
}

/** Latency by the name of what was measured. */
type Latencies = { [name: string]: Latency }

/** One client of a scheduler; as those of Luigi it keeps its connection. */
class Client {
  readonly #port: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(port: string) {
    this.#port = port
  }

  call(method: string, sent: object): Promise<{ task_id?: string | null }> {
    const body = new URLSearchParams({ data: JSON.stringify(sent) }).toString()
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': Buffer.byteLength(body),
    }
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.#port, path: `/api/${method}`, method: 'POST', headers }
      request({ ...options, agent: this.#agent }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part) => {
          text += part
        })
        response.on('end', () => {
          if (response.statusCode === 200) resolve(JSON.parse(text).response)
          else reject(new Error(`${method}: ${response.statusCode} ${text}`))
        })
      })
        .on('error', reject)
        .end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** How long a scheduler takes to hand out work, with more and more pending tasks, then with many workers at once. */
async function measureScheduler(port: string): Promise<Latencies> {
  const client = new Client(port)
  const latencies: Latencies = {}
  await client.call('update_resources', { slot: 1_000_000 })
  for (const [worker, resources] of Object.entries({ shared: { slot: 1 }, own: {} })) {
    let pending = 0
    for (const size of SIZES) {
      for (; pending < size; pending++) await addTask(client, worker, pending, resources)
      const name = worker === 'own' ? 'own tasks' : 'with resources'
      latencies[`${name}, ${size} pending`] = await measureCalls(client, worker, ASKED)
    }
  }
  client.close()
  latencies[`${WORKERS} workers at once, ${SIZES.at(-1)} pending`] = await measureWorkers(port)
  return latencies
}

const addTask = (client: Client, worker: string, number: number, resources: object) =>
  client.call('add_task', {
    worker,
    task_id: `${worker}-${number}`,
    family: 'T',
    params: { number: String(number) },
    resources,
  })

async function measureCalls(client: Client, worker: string, count: number): Promise<Latency> {
  const times: number[] = []
  for (let n = -WARM_UP; n < count; n++) {
    const began = performance.now()
    const { task_id } = await client.call('get_work', { worker, host: 'bench', current_tasks: null })
    if (n >= 0) times.push(performance.now() - began)
    // It is pending again, so that the next call finds as many tasks.
    if (task_id == null) throw new Error(`${worker} got no work`)
    await client.call('add_task', { worker, task_id, status: 'FAILED', family: 'T' })
    await client.call('forgive_failures', { task_id })
  }
  return summarize(times)
}

async function measureWorkers(port: string): Promise<Latency> {
  const times: number[] = []
  const ask = async (client: Client) => {
    for (let n = 0; n < 4; n++) {
      const began = performance.now()
      const { task_id } = await client.call('get_work', { worker: 'own', host: 'bench', current_tasks: null })
      times.push(performance.now() - began)
      if (task_id == null) throw new Error('no task was left')
    }
  }
  const clients = Array.from({ length: WORKERS }, () => new Client(port))
  await Promise.all(clients.map(ask))
  for (const client of clients) client.close()
  return summarize(times)
}

function summarize(times: number[]): Latency {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN
  return { median: at(0.5), slow: at(0.95) }
}

/** Starts `sluice luigid` for as long as it is used. */
async function withSluice<T>(use: (port: string) => Promise<T>): Promise<T> {
  const port = findBenchPort()
  const flags = ['luigid', '--port', port, '--state', freshFolder(), '--python', 'none']
  const [node = '', ...rest] = [...SLUICE, ...flags]
  const scheduler = spawn(node, rest, { stdio: 'ignore' })
  try {
    while (!(await answers(port))) await new Promise((resolve) => setTimeout(resolve, 100))
    return await use(port)
  } finally {
    scheduler.kill('SIGKILL')
  }
}

/** `sluice luigid` beside `luigid`: the same calls to both, one after the other. */
export const schedulers: Measure = {
  name: 'luigi scheduler',
  async run(peers: Peers | undefined) {
    const ours = await withSluice(measureScheduler)
    const theirs = await peers?.serveLuigid(measureScheduler)
    return Object.entries(ours).map(([name, latency]) => compareLatency(name, latency, theirs?.[name]))
  },
}

function compareLatency(name: string, ours: Latency, theirs: Latency | undefined): Row {
  const ratio = (theirs?.median ?? Number.NaN) / ours.median
  const isAimed = name.includes('10000')
  const format = ({ median, slow }: Latency) => `${median.toFixed(2)} ms (95%: ${slow.toFixed(2)})`
  return {
    measure: `get_work, ${name}`,
    sluice: format(ours),
    peer: theirs ? `luigid ${format(theirs)}, ${ratio.toFixed(0)} times` : 'no luigid',
    target: isAimed ? `${AIM} times faster` : '',
    values: { median: ours.median, slow: ours.slow, ...(theirs && { luigid: theirs.median, ratio }) },
    ...(isAimed && theirs && { isReached: ratio >= AIM }),
  }
}
