import type { Control } from '../../control/control.ts'
import { localControl } from '../../control/local-control.ts'
import type { ReadLines, WrittenLine } from '../../control/parts.ts'
import { SluiceError } from '../../core/errors.ts'
import { hasEnded, type Params } from '../../core/model.ts'
import type { LinesPage } from '../../core/ports.ts'
import type { Project } from '../../project/load-config.ts'
import type { GlobalOptions } from '../options.ts'
import type { Api } from './client.ts'
import { connect } from './connect.ts'

/** Asks a deployment. */
export async function remoteControl(options: GlobalOptions, given: Project | undefined): Promise<Control> {
  const { api, home, project } = await connect(options, given)
  return localControl({
    state: { open: async () => home, existing: async () => home, withRuns: async () => home },
    project,
    isHosted: true,
    async openRun(_, { root, request, given: params }, { pipeline: __, ...order }) {
      if (root === undefined)
        throw new SluiceError('invalid_usage', 'A plan from elsewhere runs on one machine, without --env.')
      return api.post('/runs', { name: request.name, params: (params ?? request.params) as Params, order })
    },
    readLines: linesOf(api),
    acts: {
      async cancelRun(_, { id }) {
        return (await api.post<{ cancelled: boolean }>(`/runs/${id}/cancel`)).cancelled
      },
      async markSucceeded(_, { run, number }) {
        return (await api.post<{ marked: boolean }>(`/runs/${run}/tasks/${number}/mark`)).marked
      },
      pauseSchedule: (_, name, paused) => api.post(`/pipelines/${name}/${paused ? 'pause' : 'resume'}`),
      async areComplete(_, asked) {
        const [name] = asked.map(({ request }) => request.name)
        const params = asked.map((each) => each.given)
        return (await api.post<{ complete: boolean[] }>('/complete', { name, params })).complete
      },
    },
    secrets: {
      names: notHere,
      set: (name, value) => api.post('/secrets', { name, value }),
      remove: notHere,
    },
    close: home.close,
  })
}

function notHere(): never {
  throw new SluiceError('internal', 'this is not done from here, but by the deployment')
}

/** Lines reach CloudWatch late, and from several hosts: this far back they are looked at again. */
const LATE_MS = 30_000

/** Lines of one task by its streams, of a whole run by its pools. */
function linesOf(api: Api): ReadLines {
  return async (_, { run, tasks, isWholeRun, attempt, cursor }) => {
    const from = cursor === undefined ? run.createdAt : Number(cursor)
    const begun = tasks.filter(({ task }) => task.startedAt !== undefined || task.attempt > 1)
    const pools = isWholeRun
      ? [...new Set(begun.map(({ task }) => task.pool))].map((pool) => ({ pool }))
      : begun.map(({ task }) => ({ pool: task.pool, number: task.number }))
    const now = Date.now()
    const lines: WrittenLine[] = []
    for (const query of pools) lines.push(...(await allPages(api, { ...query, run: run.id, attempt, from })))
    const isOver = begun.every(({ task }) => hasEnded(task.status))
    return { lines, next: String(isOver ? from : Math.max(from, now - LATE_MS)), isMore: false }
  }
}

async function allPages(api: Api, query: object): Promise<LinesPage['lines']> {
  const lines: LinesPage['lines'] = []
  let after: string | undefined
  do {
    const page: LinesPage = await api.post('/logs', { ...query, ...(after === undefined ? {} : { after }) })
    lines.push(...page.lines)
    after = page.next
  } while (after !== undefined)
  return lines
}
