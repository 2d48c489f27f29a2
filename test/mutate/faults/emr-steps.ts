import type { Fault } from '../fault.ts'

const LAUNCHER = { test: 'test/adapters/emr-step-launcher.test.ts' }
const STEPS = { test: 'test/handlers/launch-steps.test.ts' }
const LINES = { test: 'test/adapters/step-lines.test.ts' }

/** Steps of EMR clusters. */
export const EMR_STEPS: Fault[] = [
  {
    name: 'a step is added without looking whether it is there',
    file: 'src/adapters/emr/steps/launcher.ts',
    find: `        if (handle !== undefined) return { is: 'launched', handle }`,
    replace: `        if (handle === '') return { is: 'launched', handle }`,
    by: LAUNCHER,
  },
  {
    name: 'a step that fails ends its cluster',
    file: 'src/adapters/emr/steps/add-step.ts',
    find: `ActionOnFailure: 'CONTINUE'`,
    replace: `ActionOnFailure: 'TERMINATE_CLUSTER'`,
    by: LAUNCHER,
  },
  {
    name: 'a step that was interrupted counts as a success',
    file: 'src/adapters/emr/steps/step-state.ts',
    find: `      return { cause: 'cancelled', message: \`its step was interrupted: \${why}\` }`,
    replace: `      return { cause: 'succeeded', message: \`its step was interrupted: \${why}\` }`,
    by: LAUNCHER,
  },
  {
    name: 'a step that waits for others counts as one that runs',
    file: 'src/adapters/emr/steps/step-state.ts',
    find: `? 'running' : 'waiting'`,
    replace: `? 'running' : 'starting'`,
    by: STEPS,
  },
  {
    name: 'the steps of a cluster that has ended run for ever',
    file: 'src/adapters/emr/steps/step-state.ts',
    find: `  if (State !== 'TERMINATED' && State !== 'TERMINATED_WITH_ERRORS') return undefined`,
    replace: `  if (State !== undefined) return undefined`,
    by: LAUNCHER,
  },
  {
    name: 'a program that does not end when it is asked to is asked again, and never ended',
    file: 'src/adapters/emr/steps/launcher.ts',
    find: `isCancelAsked: step.Status?.State === 'CANCEL_PENDING'`,
    replace: `isCancelAsked: step.Status?.State === 'CANCELLED'`,
    by: STEPS,
  },
  {
    name: 'a full cluster is an error of the task',
    file: 'src/adapters/emr/steps/add-step.ts',
    find: `/maximum number of.*steps/i`,
    replace: `/maximum number of jobs/i`,
    by: STEPS,
  },
  {
    name: 'one step that is not known hides those beside it',
    file: 'src/adapters/emr/steps/launcher.ts',
    find: `    if (jobs.length > 0 || ids.length < 2) return jobs`,
    replace: `    if (jobs.length >= 0 || ids.length < 2) return jobs`,
    by: LAUNCHER,
  },
  {
    name: 'a step is looked for in all pages of its cluster',
    file: 'src/adapters/emr/steps/launcher.ts',
    find: `return jobs.length < page.jobs.length ? { jobs } : page`,
    replace: `return { ...page, jobs }`,
    by: LAUNCHER,
  },
  {
    name: 'the end of a second step of an attempt ends the attempt',
    file: 'src/engine/launch-looks.ts',
    find: `  if (task === undefined || (task.launch.handle ?? handle) !== handle) return`,
    replace: `  if (task === undefined) return`,
    by: STEPS,
  },
  {
    name: 'the cluster that a name stands for is not noted before a step is added',
    file: 'src/engine/launch.ts',
    find: `place: { ...launch.place, target: located.target }`,
    replace: `place: launch.place`,
    by: STEPS,
  },
  {
    name: 'a step is added to any of several clusters of one name',
    file: 'src/adapters/emr/steps/find-cluster.ts',
    find: `if (others.length > 0)`,
    replace: `if (others.length > 9)`,
    by: LAUNCHER,
  },
  {
    name: 'a cluster of a name that has ended fails the task instead of being waited for',
    file: 'src/adapters/emr/steps/launcher.ts',
    find: `hasEnded(error) ? clusters.forget(target) : undefined`,
    replace: `undefined as string | undefined`,
    by: LAUNCHER,
  },
  {
    name: 'a page of lines of a step begins anew with each page',
    file: 'src/adapters/emr/steps/step-lines.ts',
    find: `if (to >= skip) {`,
    replace: `if (to >= 0) {`,
    by: LINES,
  },
  {
    name: 'an enormous log of a step is read whole',
    file: 'src/adapters/emr/steps/step-lines.ts',
    find: `if (bytes < SHOWN_BYTES) continue`,
    replace: `if (bytes > 0) continue`,
    by: LINES,
  },
  {
    name: 'lines of steps are copied again with each look',
    file: 'src/homes/aws/handlers/read-lines.ts',
    find: `      if (!hasStepsDue) return { lines: [] }
`,
    replace: '',
    by: { test: 'test/handlers/step-lines.test.ts' },
  },
  {
    name: 'clusters that cannot run their step are made for ever',
    file: 'src/adapters/emr/steps/step-state.ts',
    find: `isOwn && State === 'TERMINATED_WITH_ERRORS' ? 'failed' : 'lost'`,
    replace: `isOwn && State === undefined ? 'failed' : 'lost'`,
    by: STEPS,
  },
  {
    name: 'the cluster of a step that was cancelled runs on',
    file: 'src/adapters/emr/steps/launcher.ts',
    find: ` || (await endOwn(cluster))) return`,
    replace: `) return`,
    by: STEPS,
  },
]
