import { findCommands } from './commands.ts'
import {
  type Casts,
  type Contract,
  countCasts,
  findContracts,
  findDeploymentBranches,
  measureNames,
  measureSizes,
  type Names,
  type Sizes,
  type Spot,
} from './figures.ts'
import { readTree } from './tree.ts'
import { type Walk, walk } from './walk.ts'

/** Figures of the way that the options of a command take. */
export interface WalkFigures {
  rooms: number
  stays: number
  returns: number
  names: number
  /** The rooms in the order of the stays. */
  route: string[]
}

/** A command and the way of its options. */
export interface CommandFigures {
  command: string
  atPorts: WalkFigures
  everyDoor: WalkFigures
}

/** Everything that is measured of a checkout. */
export interface Measures {
  tree: string
  commands: CommandFigures[]
  branches: Spot[]
  casts: Casts
  names: Names
  sizes: { files: Sizes; functions: Sizes }
  contracts: Contract[]
}

/** Measures the checkout in a folder, which has a `tsconfig.json`. */
export function measureCode(folder: string): Measures {
  const tree = readTree(folder)
  const commands = findCommands(tree).map(({ names, action }) => ({
    command: names.join(', '),
    atPorts: figuresOf(walk(tree, action, false)),
    everyDoor: figuresOf(walk(tree, action, true)),
  }))
  return {
    tree: tree.folder,
    commands,
    branches: findDeploymentBranches(tree),
    casts: countCasts(tree),
    names: measureNames(tree),
    sizes: measureSizes(tree),
    contracts: findContracts(tree),
  }
}

function figuresOf({ stays, rooms, returns, names }: Walk): WalkFigures {
  return { rooms, stays: stays.length, returns, names: names.length, route: stays.map(({ room }) => room) }
}
