export { type DeployedProject, type ReadOptions, readProject } from './project.ts'
export { Sluice, type SluiceProps, tagsOf } from './sluice.ts'
