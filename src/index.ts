export { type ErrorCode, SluiceError } from './core/errors.ts'
export type { Body, BodyContext, Log } from './define/body.ts'
export { type Config, defineConfig, type Environment } from './define/config.ts'
export { day, insignificant } from './define/params.ts'
export { type Pipeline, type PipelineOptions, pipeline } from './define/pipeline.ts'
export type { InputOf, Requires } from './define/requires.ts'
export { type SecretReference, secret } from './define/secret.ts'
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
