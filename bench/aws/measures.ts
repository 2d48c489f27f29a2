import '../../src/project/resolve-self.ts'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { GetQueueAttributesCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs'
import { findDeployedEnvironment } from '../../src/define/deployed-environment.ts'
import { openDeployedControl } from '../../src/homes/remote/open-control.ts'
import { loadProject, type Project } from '../../src/project/load-config.ts'
import { clients, resourceOf, until } from '../../test/aws/deployed.ts'
import type { Measures } from '../history.ts'

/** Sizes of the two shapes, and how often each is measured. */
export interface Wanted {
  chain: number
  wide: number
  rounds: number
}

type Shape = 'chain' | 'wide'

/** Something that goes through a shape; how many milliseconds its tasks took, from the first start to the last end. */
interface Way {
  name: string
  run(shape: Shape, size: number): Promise<number>
}

/** How often a run is looked at, which costs the emulator a function; and a queue, which costs it next to nothing. */
const RUN_LOOK_MS = 2_000
const QUEUE_LOOK_MS = 50
const LONGEST_S = 1_800
/** Starts every function that will be needed. */
const WARM_UP = 30

/** Goes through both shapes in each way, in turns: there and back, because no machine is equally quick for long. */
export async function measureAws({ chain, wide, rounds }: Wanted): Promise<Measures> {
  const project = await loadProject(join(import.meta.dirname, 'sluice.config.ts'))
  const ways = [
    await openDeployedWay(project, 'handed on', 'handed-on'),
    await openDeployedWay(project, 'by the feed alone', 'feed-alone'),
    await openBareWay(),
  ]
  const [link, rate] = [`chain of ${chain}, ms a link`, `wide ${wide}, tasks a second`]
  const measures: Measures = { [link]: {}, [rate]: {} }
  const note = (measure: string, { name }: Way, value: number) => {
    const series = measures[measure] ?? {}
    series[name] = [...(series[name] ?? []), Math.round(value * 10) / 10]
    console.error(`… ${measure}, ${name}: ${value.toFixed(1)}`)
  }
  for (const way of ways) await way.run('wide', WARM_UP)
  for (let round = 0; round < rounds; round++)
    for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
      note(link, way, (await way.run('chain', chain)) / chain)
      note(rate, way, wide / ((await way.run('wide', wide)) / 1_000))
    }
  return measures
}

async function openDeployedWay(project: Project, name: string, environment: string): Promise<Way> {
  const control = await openDeployedControl(project, findDeployedEnvironment(project, environment))
  return {
    name,
    async run(shape, size) {
      const started = await control.start({ name: 'shapes', params: { of: randomUUID(), shape, size } })
      if (!('run' in started)) throw new Error('there was nothing to run')
      const { run } = started
      const look = async () => {
        const { status } = await control.run({ run })
        return status === 'planning' || status === 'running' ? undefined : status
      }
      const status = await until(LONGEST_S, `the end of ${run}`, look, RUN_LOOK_MS)
      const { families } = await control.graph({ run })
      const touched = families.find(({ family }) => family === 'Touch')
      if (status !== 'succeeded' || touched?.ran !== size) throw new Error(`${run} ended as ${status}`)
      return (touched.endedAt ?? 0) - (touched.startedAt ?? 0)
    },
  }
}

/** Messages that are sent on by a function, or are all there at once, through a queue. */
async function openBareWay(): Promise<Way> {
  const QueueUrl = await resourceOf('sluice-bench-bare', 'Messages', 'AWS::SQS::Queue')
  const send = (bodies: string[]) =>
    clients.sqs.send(
      new SendMessageBatchCommand({
        QueueUrl,
        Entries: bodies.map((MessageBody, number) => ({ Id: String(number), MessageBody })),
      }),
    )
  const isEmpty = async () => {
    const { Attributes = {} } = await clients.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    )
    const { ApproximateNumberOfMessages: visible, ApproximateNumberOfMessagesNotVisible: taken } = Attributes
    return Number(visible) + Number(taken) === 0 ? true : undefined
  }
  return {
    name: 'bare messages',
    async run(shape, size) {
      const began = Date.now()
      if (shape === 'chain') await send([String(size - 1)])
      else
        for (let sent = 0; sent < size; sent += 10)
          await send(Array.from({ length: Math.min(10, size - sent) }, () => '0'))
      await until(LONGEST_S, 'an empty queue', isEmpty, QUEUE_LOOK_MS)
      return Date.now() - began
    },
  }
}
