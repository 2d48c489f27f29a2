export { type DeployedProject, type ReadOptions, readProject } from './project.ts'
export { Sluice, type SluiceProps } from './sluice.ts'
export { SluiceStack, type SluiceStackProps } from './sluice-stack.ts'
