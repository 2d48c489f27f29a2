/*
 * Every shape that Control takes and returns, described once, a file for each subject: the command prints them with `--json`, the
 * HTTP API sends them, and its documentation is made from them. An instant is milliseconds since 1970 (UTC); a duration is
 * milliseconds. What does not apply is `null`, so that every field of a shape is always there.
 */
export * from './schemas/acting.ts'
export { DEFAULT_PAGE, MAX_PAGE } from './schemas/fields.ts'
export * from './schemas/following.ts'
export * from './schemas/graph.ts'
export * from './schemas/limits.ts'
export * from './schemas/luigid.ts'
export * from './schemas/pipelines.ts'
export * from './schemas/runs.ts'
export { SelectionAct, SelectionQuery, SelectionView, TasksActed } from './schemas/selection.ts'
export * from './schemas/tasks.ts'
