import { type Command, Option } from 'commander'
import { type GlobalOptions, parsePort } from './options.ts'

/** Flags of `sluice luigid`. */
export interface LuigidOptions extends GlobalOptions {
  port: number
  host: string
  luigiConfig?: string
  python: string
}

/** Adds the flags of `sluice luigid` to its command. */
export const addLuigidFlags = (command: Command): Command =>
  command
    .addOption(
      new Option('--port <port>', 'where workers ask; 0 takes a free one').argParser(parsePort).default(8082),
    )
    .option(
      '--host <address>',
      'an address of this machine; beyond loopback workers need a token',
      '127.0.0.1',
    )
    .option(
      '--luigi-config <file>',
      'where [scheduler] and [resources] are read (default: LUIGI_CONFIG_PATH, or luigi.cfg here)',
    )
    .option(
      '--python <program>',
      'the Python whose luigi has the web page; nothing else is taken from it',
      'python3',
    )
