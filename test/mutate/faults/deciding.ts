import type { Fault } from '../fault.ts'

const SIMULATION = { seeds: 400 }
const AUDIT = { test: 'test/engine/audit.test.ts' }
const RULES = { test: 'test/core/rules.test.ts' }

/** Planning, the feed, resolving, yields, retries and audits. */
export const DECIDING: Fault[] = [
  {
    name: 'events are acknowledged before they are handled',
    file: 'src/engine/advance.ts',
    find: `  await handleEvents(context, events)
  await context.ports.feed.acknowledge(events)`,
    replace: `  await context.ports.feed.acknowledge(events)
  await handleEvents(context, events)`,
    by: SIMULATION,
  },
  {
    name: 'ended tasks resolve nothing',
    file: 'src/engine/advance.ts',
    find: `tasks.filter((task) => hasEnded(task.status) && task.status !== 'cancelled')`,
    replace: `tasks.filter((task) => task.status === 'succeeded')`,
    by: SIMULATION,
  },
  {
    name: 'a distant retry has no due instant',
    file: 'src/engine/advance.ts',
    find: `set: { dueAt: task.notBefore },`,
    replace: `set: {},`,
    by: SIMULATION,
  },
  {
    name: 'a message is sent without its delay',
    file: 'src/engine/advance.ts',
    find: `        delayMs: delayOf(task),`,
    replace: `        delayMs: MAX_DELAY_MS,`,
    by: { test: 'test/engine/work.test.ts' },
  },
  {
    name: 'a lost race is not looked at again',
    file: 'src/engine/context.ts',
    find: `return current === undefined
        ? []`,
    replace: `return current === undefined || updates.length > 0
        ? []`,
    by: { test: 'test/engine/open-run.test.ts' },
  },
  {
    name: 'bits are written whatever stands',
    file: 'src/engine/context.ts',
    find: `change: { key, set, if: { version: record.version } } }]`,
    replace: `change: { key, set } }]`,
    by: SIMULATION,
  },
  {
    name: 'a planner overwrites task runs',
    file: 'src/engine/create-run.ts',
    find: `put: newTaskRun(run, task, (upstream) => complete.has(upstream)),
      if: 'absent' as const,`,
    replace: `put: newTaskRun(run, task, (upstream) => complete.has(upstream)),`,
    by: SIMULATION,
  },
  {
    name: 'a planner that was taken over opens the run',
    file: 'src/engine/create-run.ts',
    find: `if: { status: 'planning', nonce },
    },
  ])
}

/** The numbers`,
    replace: `if: {},
    },
  ])
}

/** The numbers`,
    by: { test: 'test/engine/locks.test.ts' },
  },
  {
    name: 'bits of complete upstreams are not set',
    file: 'src/engine/create-run.ts',
    find: `(isComplete(upstream) ? [bit] : [])`,
    replace: `(isComplete(upstream) ? [] : [])`,
    by: { test: 'test/engine/open-run.test.ts' },
  },
  {
    name: 'a complete root leaves its run open',
    file: 'src/engine/create-run.ts',
    find: `if (!root?.complete) return`,
    replace: `if (root) return`,
    by: SIMULATION,
  },
  {
    name: 'only the first chunk of a run is released',
    file: 'src/engine/release.ts',
    find: `slice(released, released + limit)`,
    replace: `slice(0, limit).slice(released)`,
    by: SIMULATION,
  },
  {
    name: 'a released task overwrites what stands',
    file: 'src/engine/release.ts',
    find: `put: { ...newTaskRun(run.id, task, () => true), ...move(task) },
      if: 'absent' as const,`,
    replace: `put: { ...newTaskRun(run.id, task, () => true), ...move(task) },`,
    by: SIMULATION,
  },
  {
    name: 'a node is started while an upstream is open',
    file: 'src/core/settle.ts',
    find: `countBits(node.ended) === node.upstreams`,
    replace: `countBits(node.ended) >= node.upstreams - 1`,
    by: SIMULATION,
  },
  {
    name: 'a failed upstream counts as satisfied',
    file: 'src/core/settle.ts',
    find: `arrivals.filter((each) => !each.satisfied)`,
    replace: `arrivals.filter((each) => each.satisfied === undefined)`,
    by: SIMULATION,
  },
  {
    name: 'a task that has ended is started again by a late arrival',
    file: 'src/core/settle.ts',
    find: `if ((task.status !== 'pending' && task.status !== 'expanding') || !allEnded(node)) return bits`,
    replace: `if (!allEnded(node)) return bits`,
    by: SIMULATION,
  },
  {
    name: 'what a task yields opens no bit',
    file: 'src/engine/expand.ts',
    find: `upstreams: task.upstreams + 1 }`,
    replace: `upstreams: task.upstreams }`,
    by: SIMULATION,
  },
  {
    name: 'two yields get the same numbers',
    file: 'src/engine/expand.ts',
    find: `if: { tasks: run.tasks, status: 'running', cancelledAt: undefined },`,
    replace: `if: { status: 'running', cancelledAt: undefined },`,
    by: { test: 'test/engine/yield.test.ts' },
  },
  {
    name: 'what is yielded gets its numbers in a run that is being cancelled',
    file: 'src/engine/expand.ts',
    find: `if: { tasks: run.tasks, status: 'running', cancelledAt: undefined },`,
    replace: `if: { tasks: run.tasks, status: 'running' },`,
    by: { test: 'test/engine/yield.test.ts' },
  },
  {
    name: 'yielded tasks that are ready are never released',
    file: 'src/engine/expand.ts',
    find: `if (!ready.has(task.number)) return []`,
    replace: `if (ready.has(task.number)) return []`,
    by: SIMULATION,
  },
  {
    name: 'a yield is placed twice',
    file: 'src/engine/expand.ts',
    find: `{ key: taskKey, set: { yields }, if: { version: current.version } },`,
    replace: `{ key: taskKey, set: { yields } },`,
    by: SIMULATION,
  },
  {
    name: 'only the first page of a run is audited',
    file: 'src/engine/audit.ts',
    find: `for (let start = 0; start < (run.tasks ?? 0); start += size) {`,
    replace: `for (let start = 0; start < Math.min(1, run.tasks ?? 0); start += size) {`,
    by: AUDIT,
  },
  {
    name: 'an audit overlooks locks',
    file: 'src/engine/audit.ts',
    find: `return isWaiting && record.waitsFor?.startsWith(keys.lock('')) ?`,
    replace: `return isWaiting && record.waitsFor?.startsWith(keys.run('')) ?`,
    by: AUDIT,
  },
  {
    name: 'repairs are not counted',
    file: 'src/engine/audit.ts',
    find: `if (ok && changes.some(movesOn)) writes++`,
    replace: `if (ok && changes.some(movesOn)) writes = 0`,
    by: AUDIT,
  },
  {
    name: 'retryAt of a throttled body is ignored',
    file: 'src/core/retry.ts',
    find: `Math.max(steady + delayMs, onSteady(ending.retryAt ?? 0, moment))`,
    replace: `steady + delayMs`,
    by: SIMULATION,
  },
  {
    name: 'a retry is not delayed',
    file: 'src/core/retry.ts',
    find: `Math.max(steady + delayMs, onSteady(ending.retryAt ?? 0, moment))`,
    replace: `Math.max(steady, onSteady(ending.retryAt ?? 0, moment))`,
    by: SIMULATION,
  },
  {
    name: 'an attempt that ended keeps its nonce',
    file: 'src/core/retry.ts',
    find: `const released = { nonce: undefined, leaseUntil: undefined, dueAt: undefined }`,
    replace: `const released = { leaseUntil: undefined, dueAt: undefined }`,
    by: SIMULATION,
  },
  {
    name: 'a lost attempt uses up the retry policy',
    file: 'src/core/retry.ts',
    find: `return outcome === 'failed' || outcome === 'timed_out' || outcome === 'out_of_memory'`,
    replace: `return outcome !== 'yielded' && outcome !== undefined`,
    by: { test: 'test/core/rules.test.ts' },
  },
  {
    name: 'free attempts have no bound',
    file: 'src/core/retry.ts',
    find: `if (!usesUpRetry(outcome)) return count >= MAX_FREE_ATTEMPTS`,
    replace: `if (!usesUpRetry(outcome)) return false`,
    by: RULES,
  },
  {
    name: 'one attempt more than the policy says',
    file: 'src/core/retry.ts',
    find: `usedOf(counts, retry) >= retry.attempts`,
    replace: `usedOf(counts, retry) > retry.attempts`,
    by: SIMULATION,
  },
  {
    name: 'two planners open two runs of one request',
    file: 'src/engine/open-run.ts',
    find: `{ kind: 'request', id, latest }, if: { latest: before } },`,
    replace: `{ kind: 'request', id, latest } },`,
    by: { test: 'test/engine/open-run.test.ts' },
  },
  {
    name: 'an edge leads to the wrong bit',
    file: 'src/core/graph.ts',
    find: `addDependent(tasks[upstream], [task.number, bit])`,
    replace: `addDependent(tasks[upstream], [task.number, bit === 1 ? 0 : bit])`,
    by: SIMULATION,
  },
  {
    name: 'joins gather only their first upstreams',
    file: 'src/core/graph.ts',
    find: `start < task.upstreams.length; start += maxFanIn`,
    replace: `start < task.upstreams.length - maxFanIn; start += maxFanIn`,
    by: SIMULATION,
  },
  {
    name: 'the feed carries no change of a status',
    file: 'src/core/change.ts',
    find: `return ['status', 'attempt', 'dueAt']`,
    replace: `return ['attempt', 'dueAt']`,
    by: SIMULATION,
  },
  {
    name: 'the feed carries no sweep that goes on',
    file: 'src/core/change.ts',
    find: `return ['status', 'released', 'cancelledAt', 'swept']`,
    replace: `return ['status', 'released', 'cancelledAt']`,
    by: SIMULATION,
  },
]
