import { keys, type Run } from '../core/model.ts'
import { handleChanged } from './advance.ts'
import type { Context } from './context.ts'

const PAGE = 500

/** Audits every open run, and every limit that somebody waits for. */
export async function auditOpenRuns(context: Context): Promise<void> {
  const runs = await context.ports.store.list({ prefix: keys.run(''), consistency: 'stale' })
  for (const { record } of runs)
    if (record.kind === 'run' && record.status === 'running') await audit(context, record)
  const limits = await context.ports.store.list({ prefix: keys.limits, consistency: 'stale' })
  const waited = limits.filter(({ record }) => record.kind === 'limit' && record.waiting)
  await handleChanged(
    context,
    waited.map(({ key }) => key),
  )
}

/**
 * Derives again whatever is owed to an open run: messages, bits, frees, releases. It should find nothing to repair;
 * it makes a run go on at once where a process died with a message in its hands, which would come back only later.
 */
export async function audit(context: Context, run: Run): Promise<void> {
  await handleChanged(context, [keys.run(run.id)])
  for (let start = 0; start < (run.tasks ?? 0); start += PAGE) {
    const count = Math.min(PAGE, (run.tasks ?? 0) - start)
    const page = Array.from({ length: count }, (_, index) => keys.taskRun(run.id, start + index))
    await handleChanged(context, page)
  }
}
