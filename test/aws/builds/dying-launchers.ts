import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Change } from '../../../src/core/change.ts'
import type { Build, WrappedPorts } from '../../../src/homes/aws/build.ts'
import { BUILD as TEST } from './test.ts'

/** Functions of the emulator run on this machine: a file for each death, named by where and the token of the launch. */
const DEATHS = join(tmpdir(), 'sluice-test-launcher-deaths')

function findLaunch([change]: readonly Change[]) {
  const launch = change !== undefined && 'set' in change && 'launch' in change.set && change.set.launch
  return launch && 'token' in launch ? launch : undefined
}

function dieOnce(where: string, token: string): void {
  mkdirSync(DEATHS, { recursive: true })
  const file = join(DEATHS, `${where}-${token}`)
  if (existsSync(file)) return
  writeFileSync(file, '')
  process.exit(1)
}

/** The process of each launch dies after the intent is written, and the next one before the handle is. */
function addDeaths<P extends WrappedPorts>({ store, ...rest }: P): P {
  return {
    ...rest,
    store: {
      ...store,
      async write(changes) {
        const launch = findLaunch(changes)
        const isHandle = launch?.handle !== undefined && !launch.alive && !launch.stopping
        if (isHandle) dieOnce('handle', launch.token)
        const result = await store.write(changes)
        if (launch !== undefined && launch.times.launchedAt === undefined && !launch.alive)
          dieOnce('intent', launch.token)
        return result
      },
    },
  } as P
}

/** A deployment whose launchers die at both places between which something could be launched twice. */
export const BUILD: Build = { ...TEST, wrapPorts: (ports) => addDeaths(TEST.wrapPorts(ports)) }
