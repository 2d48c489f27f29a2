import type { Stored, WriteResult } from '../core/change.ts'
import { SluiceError } from '../core/errors.ts'
import { makeRequestId, parseRunGeneration } from '../core/identity.ts'
import type { Params } from '../core/json.ts'
import { keys } from '../core/keys.ts'
import { type Moment, readClockMoment } from '../core/moment.ts'
import { MissingTaskError, type Plan } from '../core/plan.ts'
import type { Store } from '../core/ports/deciding.ts'
import type { Actor } from '../core/records/actor.ts'
import type { Run } from '../core/records/run.ts'
import { isRunOpen } from '../core/records/status.ts'
import type { Context } from './context.ts'
import { createPlannedRun } from './create-run.ts'

/** What is asked for: a root task by name and parameters. */
export interface RunRequest {
  /** The pipeline, or the family. */
  name: string
  family: string
  params: Params
  /** The parameters that make the request's identity. */
  significant: Params
  /** What is forced to run again; an open run is joined only if it was forced in the same way. */
  forced?: string
  /** Who asks. */
  by?: Actor
  /** The interval that it is for. */
  interval?: { start: number; end: number }
  /**
   * Set if the schedule of the pipeline asks: the last run of the interval whose end it has noted, if there was one. A
   * later run that a schedule opened is found instead of opening another one, even if it has ended.
   */
  schedule?: { lastRun?: string }
}

/** How long a planner may take before another may take over. */
const PLANNING_MS = 10 * 60_000
const WAIT_FOR_PLANNER_MS = 250

/** The open run of a request, if there is one. */
export async function findOpenRun({ ports }: Context, request: RunRequest): Promise<Stored<Run> | undefined> {
  return (await findGenerations(ports.store, request)).open
}

/** The open run of each request, if there is one: two reads for all of them. */
export async function findOpenRuns(
  { ports: { store } }: Context,
  requests: Pick<RunRequest, 'name' | 'significant'>[],
): Promise<(Stored<Run> | undefined)[]> {
  const ids = requests.map(({ name, significant }) => makeRequestId(name, significant))
  const records = await store.read(ids.map(keys.request))
  const known = records.flatMap((record) => (record ? [keys.run(`${record.id}-${record.latest}`)] : []))
  const open = (await store.read(known)).flatMap((run) =>
    run !== undefined && isRunOpen(run.status) ? [[run.request, run] as const] : [],
  )
  const byRequest = new Map(open)
  return ids.map((id) => byRequest.get(id))
}

/**
 * Joins the open run of a request, or plans and opens the next one. A planner that died is taken over: a saved plan
 * stands, records are put only if they are absent. `reserved` is the run that this planner was started for, if it
 * was: one that was cancelled before it was planned is given back as it is, and no next run is opened.
 */
export async function joinOrOpenRun(
  context: Context,
  request: RunRequest,
  makePlan: () => Promise<Plan>,
  reserved?: string,
): Promise<{ run: string; opened: boolean }> {
  for (;;) {
    if (reserved !== undefined && (await isCancelledUnplanned(context.ports.store, request, reserved)))
      return { run: reserved, opened: false }
    const { open, latest, notNoted } = await findGenerations(context.ports.store, request)
    if (notNoted !== undefined) return { run: notNoted, opened: false }
    refuseOther(open, request)
    if (open?.status === 'running') return { run: open.id, opened: false }
    if (open !== undefined && !(await mayTakeOver(context, open))) {
      await context.ports.clock.sleep(WAIT_FOR_PLANNER_MS)
      continue
    }
    const planned = await planNextRun(context, request, { open, latest }, makePlan)
    if (planned === undefined) continue
    const { run, plan, nonce } = planned
    if (await createUnlessForgotten(context, run, plan, nonce)) return { run, opened: true }
  }
}

async function isCancelledUnplanned(
  store: Store,
  { name, significant }: RunRequest,
  id: string,
): Promise<boolean> {
  const [run] = await store.read([keys.run(id)])
  if (run?.status !== 'cancelled' || run.request !== makeRequestId(name, significant)) return false
  return run.tasks === undefined
}

/** Plans the run that is open and waits for its planner, or the next one; undefined if another planner was quicker. */
async function planNextRun(
  context: Context,
  request: RunRequest,
  { open, latest }: Pick<Generations, 'open' | 'latest'>,
  makePlan: () => Promise<Plan>,
): Promise<{ run: string; plan: Plan; nonce: string } | undefined> {
  const { store, clock, random } = context.ports
  const nonce = random.nonce()
  if (open === undefined) {
    const plan = await makePlan()
    const run = await openNext(store, request, latest, makePlanner(context, nonce), readClockMoment(clock))
    return run === undefined ? undefined : { run, plan, nonce }
  }
  // Taken over before it is planned: a run that waits for its planner is given up after a minute, and a large plan takes longer.
  if ((await takePlanningOver(store, open, makePlanner(context, nonce))) === undefined) return undefined
  return { run: open.id, plan: await planTakenOver(context, open.id, nonce, makePlan), nonce }
}

/** Plans a run that was taken over; if that fails, another planner may take it over at once. */
async function planTakenOver(
  { ports }: Context,
  run: string,
  nonce: string,
  makePlan: () => Promise<Plan>,
): Promise<Plan> {
  try {
    return await makePlan()
  } catch (error) {
    const set = { dueAt: ports.clock.steady() }
    await ports.store.write([{ key: keys.run(run), set, if: { status: 'planning', nonce } }])
    throw error
  }
}

/**
 * Creates the run; false if its plan has gone: this process stood still while another planner took the run over, and the
 * run has ended and been forgotten since. Then the request is asked anew.
 */
async function createUnlessForgotten(
  context: Context,
  run: string,
  plan: Plan,
  nonce: string,
): Promise<boolean> {
  try {
    await createPlannedRun(context, run, plan, nonce)
    return true
  } catch (error) {
    if (error instanceof MissingTaskError) return false
    throw error
  }
}

/**
 * Joins the open run of a request, or opens the next one for a planner that is started elsewhere. If none comes, it
 * is abandoned by the tick.
 */
export async function joinOrReserveRun(
  context: Context,
  request: RunRequest,
): Promise<{ run: string; opened: boolean }> {
  for (;;) {
    const { open, latest, notNoted } = await findGenerations(context.ports.store, request)
    if (notNoted !== undefined) return { run: notNoted, opened: false }
    refuseOther(open, request)
    if (open !== undefined) return { run: open.id, opened: false }
    const { store, clock, random } = context.ports
    const nonce = random.nonce()
    // Due at once, so that the planner that is started for it may take it over.
    const run = await openNext(
      store,
      request,
      latest,
      { nonce, dueAt: clock.steady() },
      readClockMoment(clock),
    )
    if (run !== undefined) return { run, opened: true }
  }
}

/** Ends a run that was opened for a planner and cannot be planned; its failure says why. */
export async function failRunPlanning({ ports }: Context, id: string, message: string): Promise<void> {
  const [run] = await ports.store.read([keys.run(id)])
  if (run?.status !== 'planning') return
  const failure = { outcome: 'planning' as const, message }
  await ports.store.write([
    {
      key: keys.run(id),
      set: { status: 'failed', endedAt: ports.clock.now(), dueAt: undefined, failure },
      if: { status: 'planning', nonce: run.nonce },
    },
  ])
}

/** A run that is open does not begin to force what it did not. */
function refuseOther(open: Run | undefined, { forced }: RunRequest): void {
  if (open === undefined || forced === undefined || open.forced === forced) return
  throw new SluiceError(
    'invalid_usage',
    `The run ${open.id} is open and does not force ${forced} to run again.`,
    {
      hint: `Let it end, or cancel it: sluice cancel ${open.id}`,
    },
  )
}

/** What there is of a request. */
interface Generations {
  latest?: number
  /** The latest run, if it is open. */
  open?: Stored<Run>
  /** The run that a schedule opened and whose end it has not noted, if no run is open. */
  notNoted?: string
}

async function findGenerations(
  store: Store,
  { name, significant, schedule }: RunRequest,
): Promise<Generations> {
  const id = makeRequestId(name, significant)
  const [record] = await store.read([keys.request(id)])
  if (record === undefined) return {}
  const { latest, scheduled } = record
  const [run] = await store.read([keys.run(`${id}-${latest}`)])
  if (run !== undefined && isRunOpen(run.status)) return { latest, open: run }
  const noted = schedule?.lastRun === undefined ? 0 : parseRunGeneration(schedule.lastRun)
  const isNoted = schedule === undefined || scheduled === undefined || scheduled <= noted
  return { latest, ...(isNoted ? {} : { notNoted: `${id}-${scheduled}` }) }
}

async function mayTakeOver({ ports }: Context, run: Run): Promise<boolean> {
  if ((run.dueAt ?? 0) <= ports.clock.steady()) return true
  return run.worker !== undefined && (await ports.isGone(run.worker))
}

/** The process that plans a run, and until when no other process may. */
type Planner = Pick<Run, 'worker' | 'dueAt'> & { nonce: string }

function makePlanner({ ports, settings }: Context, nonce: string): Planner {
  return { nonce, worker: settings.worker, dueAt: ports.clock.steady() + PLANNING_MS }
}

async function takePlanningOver(store: Store, run: Run, by: Planner): Promise<string | undefined> {
  const result = await store.write([
    { key: keys.run(run.id), set: by, if: { status: 'planning', nonce: run.nonce } },
  ])
  return isWon(result, by.nonce) ? run.id : undefined
}

/** Opens the generation after the one that was looked at; undefined if another was quicker. */
async function openNext(
  store: Store,
  request: RunRequest,
  before: number | undefined,
  by: Planner,
  { now, steady }: Moment,
): Promise<string | undefined> {
  const { name, family, params, significant } = request
  const id = makeRequestId(name, significant)
  const latest = (before ?? 0) + 1
  const run: Run = {
    kind: 'run',
    id: `${id}-${latest}`,
    request: id,
    name,
    family,
    params,
    status: 'planning',
    createdAt: now,
    plannedAt: steady,
    upstreams: 1,
    ended: '',
    failed: '',
    ...(request.forced === undefined ? {} : { forced: request.forced }),
    ...(request.interval === undefined ? {} : { interval: request.interval }),
    ...(request.by === undefined ? {} : { startedBy: request.by }),
    ...by,
  }
  const result = await store.write([
    {
      key: keys.request(id),
      set: { kind: 'request', id, latest, ...(request.schedule === undefined ? {} : { scheduled: latest }) },
      if: { latest: before },
    },
    { key: keys.run(run.id), put: run, if: 'absent' },
  ])
  return isWon(result, by.nonce) ? run.id : undefined
}

/** A write that failed because of our own nonce had been written before its answer got lost. */
function isWon(result: WriteResult, nonce: string): boolean {
  return (
    result.ok || result.failures.some(({ current }) => current?.kind === 'run' && current.nonce === nonce)
  )
}
