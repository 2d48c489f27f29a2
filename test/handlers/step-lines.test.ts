import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { EMRClient } from '@aws-sdk/client-emr'
import { z } from 'zod'
import { makeEmrStepLauncher } from '../../src/adapters/emr/steps/launcher.ts'
import { readLogPage } from '../../src/control/logs.ts'
import { keys } from '../../src/core/keys.ts'
import { EMR_STEP } from '../../src/core/records/launch.ts'
import { makeJobPlaces, makeStepDetails } from '../../src/homes/aws/handlers/launch-jobs.ts'
import { STEP_RATE } from '../../src/homes/aws/handlers/launch-rate.ts'
import { makeDeployedLineReader, type StepLines } from '../../src/homes/aws/handlers/read-lines.ts'
import { emrStep, folder, pipeline } from '../../src/index.ts'
import { EmrStepsServer } from '../support/emr-steps-server.ts'
import { openEmrWorld } from './emr-world.ts'

const CLUSTER = 'j-2AXXXXXXGAPLF'
const LOGS = 's3://logs/emr/'
const JOB = { pool: 'default', cluster: CLUSTER, logs: LOGS, files: { 'a.py': 'a.py' } }
const EMR = { applications: {}, clusters: [CLUSTER], roles: {}, logGroups: {}, files: 's3://assets/x/' }
const clicks = pipeline(
  'logged',
  emrStep('LoggedStep', {
    params: { date: z.string() },
    output: ({ date }) => folder(`steps/${date}`, { marker: '_SUCCESS' }),
    cluster: CLUSTER,
    logs: LOGS,
    step: () => ({ script: 'a.py' }),
    retry: { attempts: 2, delaySeconds: 0 },
  }),
)

type Read = StepLines['read']

/** A run whose only task is a step, and its lines as the API reads them. */
async function open(test: TestContext, read: Read, told = LOGS) {
  const server = await EmrStepsServer.start(test)
  server.clusters.set(CLUSTER, 'WAITING')
  const client = new EMRClient(server.clientConfig)
  const world = await openEmrWorld({
    pipelines: [clicks],
    input: { date: 'd-1' },
    service: EMR_STEP,
    placeOf: makeJobPlaces({ LoggedStep: JOB }, EMR),
    parts(now) {
      server.now = now
      return {
        launcher: makeEmrStepLauncher(client, { deployment: 'prod', places: [CLUSTER] }, now),
        governor: STEP_RATE,
        makeDetails: makeStepDetails({ LoggedStep: JOB }, EMR, 'prod/'),
      }
    },
  })
  const asked: Parameters<Read>[] = []
  const reader = makeDeployedLineReader(
    () => Promise.reject(new Error('no lines of steps are in CloudWatch')),
    {
      read: (...query) => {
        asked.push(query)
        return read(...query)
      },
      findLog: () => ({ folder: told === '' ? undefined : told }),
    },
  )
  const { home } = world.deployment
  return {
    ...world,
    server,
    asked,
    async logs(query: { cursor?: string; attempt?: number; text?: string; task?: string } = {}) {
      const [run] = await home.context.ports.store.read([keys.run(world.id)])
      assert.ok(run)
      const page = await readLogPage(home, run, reader, { follow: true, ...query })
      const shown = page.lines.map(({ attempt, level, line = 0, text }) => [attempt, level, line, text])
      return { ...page, shown }
    },
  }
}

const line = (text: string, line: number, isError = false) => ({
  level: 'info' as const,
  text,
  isError,
  line,
})

it('lines of steps are read attempt by attempt, from the folder of the definition, page by page', async (test) => {
  const { launch, server, asked, tickAfter, logs } = await open(test, async ({ handle }, { after }) => {
    if (handle.endsWith('2')) return { lines: [line('again', 1)], found: 1 }
    if (after === undefined) return { lines: [line('same', 1), line('same', 2)], next: 'more', found: 2 }
    return { lines: [line('same', 3), line('Traceback', 1, true)], found: 2 }
  })
  assert.deepEqual((await logs()).shown, [])
  await launch()
  server.move(server.steps[0]?.id ?? '', 'RUNNING')
  await tickAfter(60_000)
  server.move(server.steps[0]?.id ?? '', 'FAILED', 'Unknown Error.')
  await tickAfter(60_000)
  await launch()
  await tickAfter(3_600_000)
  const first = await logs()
  const lines = first.shown.filter(([, level]) => level === 'info')
  assert.deepEqual(lines, [
    [1, 'info', 1, 'same'],
    [1, 'info', 2, 'same'],
    [1, 'info', 3, 'same'],
    [1, 'info', 1, 'Traceback'],
    [2, 'info', 1, 'again'],
  ])
  // The first attempt ended an hour ago; the second one still runs.
  const notes = first.shown.filter(([, level]) => level === 'warn')
  assert.deepEqual(notes, [
    [2, 'warn', 0, 'EMR copies the lines of a step about every five minutes: more may come.'],
  ])
  assert.match(String(first.shown.find(([, level]) => level === 'error')?.[3]), /^failed: its step failed/)
  assert.deepEqual(asked[0], [
    { folder: LOGS, handle: `${CLUSTER}/${server.steps[0]?.id}` },
    { from: 0, after: undefined },
  ])
  assert.deepEqual(asked[1]?.[1], { from: 0, after: 'more' })
  const one = await logs({ attempt: 2, task: '0', text: 'AGAIN' })
  assert.deepEqual([one.shown, one.looked], [[[2, 'info', 1, 'again']], 2])
})

it('lines of steps are asked for once a minute while they are followed, and then only what was copied since', async (test) => {
  const { launch, asked, tickAfter, server, logs } = await open(test, async () => ({ lines: [], found: 0 }))
  await launch()
  const first = await logs()
  const second = await logs({ cursor: first.next })
  assert.equal(asked.length, 1)
  await tickAfter(60_000)
  await logs({ cursor: second.next })
  assert.deepEqual([asked.length, asked[1]?.[1].from], [2, server.now() - 180_000])
})

it('a step without lines says where they would be, and what is missing', async (test) => {
  const none: Read = async () => ({ lines: [], found: 0 })
  const { launch, server, tickAfter, logs, tell } = await openTold(test, none)
  await launch()
  const at = `${CLUSTER}/steps/${server.steps[0]?.id}/`
  assert.deepEqual((await logs()).shown, [
    [
      1,
      'warn',
      0,
      `EMR has copied no lines of this step to s3://logs/emr/${at} yet; it does so about every five minutes.`,
    ],
  ])
  server.move(server.steps[0]?.id ?? '', 'FAILED', 'x')
  await tell()
  await tickAfter(700_000)
  const [said] = (await logs()).shown
  assert.match(
    String(said?.[3]),
    /no lines of this step to .*; look whether this is the log folder of its cluster\.$/,
  )
  const untold = await openTold(test, none, '')
  await untold.launch()
  const [line] = (await untold.logs()).shown
  assert.match(
    String(line?.[3]),
    /log folder of its cluster, j-2AXXXXXXGAPLF\/steps\/s-\w+\/\. Name the folder/,
  )
})

/** The same; events tell of its first step. */
async function openTold(test: TestContext, read: Read, told = LOGS) {
  const world = await open(test, read, told)
  return {
    ...world,
    tell: () => {
      const [step] = world.server.steps
      const detail = { clusterId: CLUSTER, stepId: step?.id, name: step?.name, state: 'FAILED' }
      return world.hear({ source: 'aws.emr', detail })
    },
  }
}
