import type { Fault } from '../fault.ts'

const WORLDS = { test: 'test/engine/launch.test.ts' }
const RULES = { test: 'test/core/launching.test.ts' }
const ECS = { test: 'test/adapters/ecs-launcher.test.ts' }
const EMR = { test: 'test/adapters/emr-serverless-launcher.test.ts' }
const JOBS = { test: 'test/handlers/launch-jobs.test.ts' }
const PROGRAMS = { test: 'test/handlers/launch-programs.test.ts' }
const SHELLS = { test: 'test/handlers/shells.test.ts' }
const ECS_SHELLS = { test: 'test/adapters/ecs-shells.test.ts' }

/** Jobs elsewhere: intents, launches, news, ends and the sweep. */
export const LAUNCHING: Fault[] = [
  {
    name: 'each launch has a token of its own',
    file: 'src/engine/launch.ts',
    find: `    handover: { run, number, attempt, token: launch.token },`,
    replace: `    handover: { run, number, attempt, token: context.ports.random.nonce() },`,
    by: WORLDS,
  },
  {
    name: 'jobs are launched however fast the account may',
    file: 'src/engine/launch.ts',
    find: `  if (waitMs === 0) return callService(context, parts, task, claimed)`,
    replace: `  if (waitMs >= 0) return callService(context, parts, task, claimed)`,
    by: WORLDS,
  },
  {
    name: 'a launch that has its turn takes another one',
    file: 'src/engine/launch.ts',
    find: `  if (task.launch.launchAt !== undefined) return callService`,
    replace: `  if (task.launch.launchAt === 0) return callService`,
    by: { test: 'test/engine/launch.test.ts' },
  },
  {
    name: 'a launcher does not look for what a dead one has launched',
    file: 'src/engine/launch.ts',
    find: `  const handle = busyUntil === undefined ? undefined :`,
    replace: `  const handle = busyUntil !== undefined ? undefined :`,
    by: WORLDS,
  },
  {
    name: 'a job is ended when it is asked to stop, and not when it is seen stopped',
    file: 'src/engine/launch-looks.ts',
    find: `  if (noted !== undefined) await launcher?.stop(handle, \`its attempt is \${why}\`)`,
    replace: `  if (noted !== undefined) await launcher?.stop(handle, why)
  if (noted !== undefined) await endJob(context, { isMade: async () => true }, noted, { cause: 'cancelled', message: why })`,
    by: WORLDS,
  },
  {
    name: 'a job is asked to stop once, however often it is seen running',
    file: 'src/engine/launch-looks.ts',
    find: `  const why = seen.launch.stopping ?? (await`,
    replace: `  const why = seen.launch.stopping ? undefined : (await`,
    by: PROGRAMS,
  },
  {
    name: 'news of an earlier attempt ends the one that runs',
    file: 'src/engine/launch-record.ts',
    find: `  return task?.attempt === attempt && task.launch.token === token ? task : undefined`,
    replace: `  return attempt > 0 && token !== '' ? task : undefined`,
    by: WORLDS,
  },
  {
    name: 'spare capacity that was taken away uses up the retry policy',
    file: 'src/core/job-end.ts',
    find: `    case 'spot':
    case 'cancelled':
      return 'interrupted'`,
    replace: `    case 'spot':
    case 'cancelled':
      return 'failed'`,
    by: WORLDS,
  },
  {
    name: 'a launched attempt is lost by its lease although its job runs',
    file: 'src/engine/tick.ts',
    find: `  if (task.launch !== undefined && context.launching !== undefined && task.status === 'running') return
`,
    replace: ``,
    by: WORLDS,
  },
  {
    name: 'throttling does not slow launches down',
    file: 'src/core/governor.ts',
    find: `    rate: Math.max(limits.least, filled.rate / 2),`,
    replace: `    rate: Math.max(limits.least, filled.rate),`,
    by: RULES,
  },
  {
    name: 'clocks that differ fill the governor twice',
    file: 'src/core/governor.ts',
    find: `at: Math.max(row.at, steady) }`,
    replace: `at: steady }`,
    by: RULES,
  },
  {
    name: 'an attempt ends although its job may run',
    file: 'src/engine/launch-looks.ts',
    find: `  if (handle !== undefined) return keepHandle(context, parts.launcher, task, handle)`,
    replace: ``,
    by: WORLDS,
  },
  {
    name: 'a keeper begins though its attempt is being stopped',
    file: 'src/engine/take-over.ts',
    find: `      if (isOthers || launch.stopping !== undefined) return undefined`,
    replace: `      if (isOthers) return undefined`,
    by: PROGRAMS,
  },
  {
    name: 'two keepers run one attempt',
    file: 'src/engine/take-over.ts',
    find: `      if (isOthers || launch.stopping !== undefined) return undefined`,
    replace: `      if (launch.stopping !== undefined) return undefined`,
    by: PROGRAMS,
  },
  {
    name: 'the end of a keeper counts as the success of its program',
    file: 'src/core/job-end.ts',
    find: `  if (end.cause === 'succeeded' && !hasKeeper) return`,
    replace: `  if (end.cause === 'succeeded') return`,
    by: RULES,
  },
  {
    name: 'the sweep of jobs stops nothing',
    file: 'src/engine/launch-looks.ts',
    find: `      await launcher.stop(handle, 'no attempt owns it')`,
    replace: ``,
    by: WORLDS,
  },
  {
    name: 'no capacity is counted as an attempt that did not start',
    file: 'src/core/retry.ts',
    find: `  if (ending.awaits !== undefined) return`,
    replace: `  if (ending.awaits !== undefined && task.attempt < 0) return`,
    by: WORLDS,
  },
  {
    name: 'ECS is believed that a parameter is wrong if there were too many requests',
    file: 'src/adapters/ecs/run-program.ts',
    find: ` || RATE.test(readErrorMessage(error))`,
    replace: ``,
    by: ECS,
  },
  {
    name: 'a launch at the usual price has the token of that on spare capacity',
    file: 'src/adapters/ecs/run-program.ts',
    find: `=== CAPACITY.spare ? 'spare' : 'usual'`,
    replace: `=== CAPACITY.spare ? 'spare' : 'spare'`,
    by: ECS,
  },
  {
    name: 'a turn is promised to two launches',
    file: 'src/core/governor.ts',
    find: `tokens: filled.tokens - count }`,
    replace: `tokens: Math.max(0, filled.tokens - count) }`,
    by: RULES,
  },
  {
    name: 'a job that waits for a place at its service is stopped as if it did not start',
    file: 'src/engine/take-over.ts',
    find: `if (is !== 'waiting' || startMs === 0) return task`,
    replace: `if (is !== 'queued' || startMs === 0) return task`,
    by: { test: 'test/engine/launch.test.ts' },
  },
  {
    name: 'a job that had to wait at its service has no time left to start',
    file: 'src/engine/take-over.ts',
    find: `deadline: Math.max(launch.deadline, steady + startMs) }`,
    replace: `deadline: launch.deadline }`,
    by: WORLDS,
  },
  {
    name: 'the jobs of all services are asked of the first one',
    file: 'src/engine/launch-looks.ts',
    find: `    lookAtService(context, services[service], tasks),`,
    replace: `    lookAtService(context, services[service] && Object.values(services)[0], tasks),`,
    by: WORLDS,
  },
  {
    name: 'news of a service without keepers end as if it had some',
    file: 'src/engine/launch-looks.ts',
    find: `  const parts = services[getLaunchService(task.launch)]`,
    replace: `  const parts = services[getLaunchService(task.launch)] && {}`,
    by: WORLDS,
  },
  {
    name: 'a job that a dead launcher has launched is looked for elsewhere',
    file: 'src/engine/launch-record.ts',
    find: `  target: place?.target ?? '',`,
    replace: `  target: place === undefined ? '' : token,`,
    by: WORLDS,
  },
  {
    name: 'EMR tries a job run again by itself',
    file: 'src/adapters/emr/serverless/start-job-run.ts',
    find: `        retryPolicy: { maxAttempts: 1 },`,
    replace: `        retryPolicy: { maxAttempts: 2 },`,
    by: EMR,
  },
  {
    name: 'a job run has a token of its own with each request',
    file: 'src/adapters/emr/serverless/start-job-run.ts',
    find: `        clientToken: handover.token,`,
    replace: `        clientToken: handover.token + performance.now(),`,
    by: EMR,
  },
  {
    name: 'a job run that was cancelled counts as a success',
    file: 'src/adapters/emr/serverless/job-state.ts',
    find: `  if (state === 'SUCCESS') return`,
    replace: `  if (state === 'SUCCESS' || state === 'CANCELLED') return`,
    by: EMR,
  },
  {
    name: 'a program that failed waits for capacity if it says the right words',
    file: 'src/adapters/emr/serverless/job-state.ts',
    find: `  !/exit ?code/i.test(details) && `,
    replace: ``,
    by: EMR,
  },
  {
    name: 'the jobs of another deployment are swept',
    file: 'src/core/job-name.ts',
    find: `  if (of !== encodePart(deployment)) return undefined`,
    replace: `  if (of === '') return undefined`,
    by: JOBS,
  },
  {
    name: 'a job succeeds without its target',
    file: 'src/homes/aws/job-services.ts',
    find: `there.every((is) => is)`,
    replace: `there.every((is) => is || !is)`,
    by: JOBS,
  },
  {
    name: 'a job that waits for its application counts as one that runs',
    file: 'src/adapters/emr/serverless/job-state.ts',
    find: `      return { is: 'waiting', times }`,
    replace: `      return { is: 'running', times }`,
    by: EMR,
  },
  {
    name: 'only the first page of job runs is looked at',
    file: 'src/adapters/emr/jobs.ts',
    find: `      yield* page.jobs
      cursor = page.cursor
    } while (cursor !== undefined)`,
    replace: `      yield* page.jobs
      cursor = page.cursor
    } while (cursor === '')`,
    by: EMR,
  },
  {
    name: 'a shell that has stopped counts as a worker that crashed',
    file: 'src/homes/aws/handlers/job-events.ts',
    find: `  if (stopped.startedBy === SHELL.startedBy) return`,
    replace: `  if (stopped.startedBy === 'nobody') return`,
    by: SHELLS,
  },
  {
    name: 'a shell names itself as the launch of an attempt does',
    file: 'src/adapters/ecs/shells.ts',
    find: `        startedBy: SHELL.startedBy,
        taskDefinition: target,`,
    replace: `        startedBy: token,
        taskDefinition: target,`,
    by: ECS_SHELLS,
  },
  {
    name: 'whoever may end a shell may end an attempt',
    file: 'src/adapters/ecs/shells.ts',
    find: `      if (tasks[0]?.startedBy !== SHELL.startedBy) return false`,
    replace: `      if (tasks[0] === undefined) return false`,
    by: ECS_SHELLS,
  },
  {
    name: 'a shell that nobody ends stays for ever',
    file: 'src/adapters/ecs/shells.ts',
    find: `  now - createdAt.getTime() > SHELL.limitMs + STARTING_MS`,
    replace: `  now - createdAt.getTime() > 100 * SHELL.limitMs`,
    by: ECS_SHELLS,
  },
  {
    name: 'a tick sweeps no shells',
    file: 'src/homes/aws/handlers/tick.ts',
    find: `Promise.allSettled([sweepShells?.() ?? 0])`,
    replace: `Promise.allSettled([0])`,
    by: SHELLS,
  },
  {
    name: 'the same request opens a second shell, of another trace',
    file: 'src/homes/aws/handlers/shells.ts',
    find: `        nonce: \`shell/\${token}\`,`,
    replace: '        nonce: home.context.ports.random.nonce(),',
    by: SHELLS,
  },
]
