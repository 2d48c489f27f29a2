export type { Interval } from './core/calendar.ts'
export { type ErrorCode, SluiceError } from './core/errors.ts'
export { readLines } from './core/lines.ts'
export type { BudgetPeriod } from './core/records/lock-and-limit.ts'
export type { Body, BodyContext, Budget, Log } from './define/body.ts'
export { type Config, defineConfig, type Environment } from './define/config.ts'
export {
  type CommandContext,
  type ContainerOptions,
  container,
  type InputsInContainer,
  type TargetInContainer,
  type TargetsInContainer,
} from './define/container.ts'
export {
  type EmrCluster,
  type EmrJob,
  type EmrJobContext,
  type EmrOptions,
  type EmrServerlessOptions,
  type EmrStepOptions,
  emrServerless,
  emrStep,
  type LocalContainer,
  type LocalProgram,
  type TargetOfJob,
} from './define/emr.ts'
export { type BuildOptions, type BuiltImage, build } from './define/image.ts'
export { type LuigiFamily, type LuigiOptions, luigi } from './define/luigi.ts'
export { day, insignificant } from './define/params.ts'
export { type Pipeline, type PipelineOptions, pipeline } from './define/pipeline.ts'
export type { InputOf, Requires } from './define/requires.ts'
export { cron, daily, hourly, quarterHourly, type Schedule, type ScheduleOptions } from './define/schedule.ts'
export { type SecretReference, secret } from './define/secret.ts'
export { type CollectionTarget, collection } from './define/targets/collection.ts'
export { type FolderOptions, type FolderTarget, folder } from './define/targets/folder.ts'
export {
  type FileTarget,
  file,
  type JsonLinesTarget,
  type JsonTarget,
  json,
  jsonLines,
  type TextTarget,
  text,
} from './define/targets/formats.ts'
export type { MarkerTarget } from './define/targets/marker.ts'
export type { Output, Target } from './define/targets/target.ts'
export {
  type ExternalOptions,
  external,
  type RetryOptions,
  type Task,
  type TaskInstance,
  type TaskOptions,
  task,
} from './define/task.ts'
export { type TestEnd, type TestOptions, testTask } from './homes/local/test-task.ts'
export { simulate } from './homes/simulated/load.ts'
export type {
  AttemptToBe,
  SimulatedAttempt,
  SimulatedFailure,
  SimulatedRun,
  SimulateOptions,
  Simulation,
} from './homes/simulated/simulation.ts'
