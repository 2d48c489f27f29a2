import { rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeMultiStream } from '@msgpack/msgpack'
import { z } from 'zod'

/*
 * Lines of a container whose log driver is FireLens (`awsfirelens`): ECS sends them to the container with the FireLens configuration,
 * over a Unix socket, in the forward protocol of Fluentd
 * (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1). That container is ours, so that no line leaves the task
 * before its secrets are masked.
 */

/** Where ECS sends the lines to: https://github.com/aws-samples/amazon-ecs-firelens-under-the-hood */
export const FIRELENS_SOCKET = '/var/run/fluent.sock'

/** Takes the next piece of what a container prints. */
export type OnText = (from: 'stdout' | 'stderr', text: string) => void

/** A record of the log driver. A long line comes in parts. */
const RECORD = z.object({
  log: z.string(),
  source: z.string().optional(),
  partial_message: z.string().optional(),
  partial_last: z.string().optional(),
})

/** The modes in which single records come: one a message, or several with one tag. */
const MESSAGE = z.union([
  z.tuple([z.string(), z.array(z.tuple([z.unknown(), RECORD]))]).rest(z.unknown()),
  z.tuple([z.string(), z.unknown(), RECORD]).rest(z.unknown()),
])

/** How long lines that are on their way may take to come after the container has ended. */
const LATE_MS = 5_000

/** Listens for lines of the containers of an ECS task. `close` waits until those that were sent have come, 5 s at most. */
export async function listenForLines(path: string, onText: OnText): Promise<{ close(): Promise<void> }> {
  const reading = new Set<Promise<void>>()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const read: Promise<void> = receiveLines(socket, onText)
      .catch((error) => console.error('lines of the program were lost:', error))
      .finally(() => {
        sockets.delete(socket)
        reading.delete(read)
      })
    reading.add(read)
  })
  await rm(path, { force: true })
  await listen(server, path)
  return {
    async close() {
      await Promise.race([Promise.all(reading), sleep(LATE_MS, undefined, { ref: false })])
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

const listen = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })

async function receiveLines(socket: Socket, onText: OnText): Promise<void> {
  for await (const message of decodeMultiStream(socket)) {
    const parsed = MESSAGE.safeParse(message)
    if (!parsed.success) continue
    const [, second, third] = parsed.data
    const records = Array.isArray(second) ? second.map(([, record]) => record) : [RECORD.parse(third)]
    for (const { log, source, partial_message, partial_last } of records) {
      const isPart = partial_message === 'true' && partial_last !== 'true'
      onText(source === 'stderr' ? 'stderr' : 'stdout', isPart ? log : `${log}\n`)
    }
  }
}
