import type { Luigid, LuigidWorker, LuigidWorkerPage } from '../../src/control/control.ts'
import { Empty, Instant, Name } from '../parts.tsx'

/** Workers of Luigi, with what each runs. */
export function Workers({ page: { workers, next }, all }: { page: LuigidWorkerPage; all: number }) {
  if (workers.length === 0)
    return (
      <Empty title="No worker is there.">
        Start one: <code>luigi --module MODULE TASK --scheduler-url URL</code>
      </Empty>
    )
  return (
    <>
      <table class="rows" aria-label="Workers">
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col" class="wide">
              First task
            </th>
            <th scope="col" class="number">
              Running
            </th>
            <th scope="col" class="number">
              Pending
            </th>
            <th scope="col">Last heard of</th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <WorkerRow key={worker.worker} worker={worker} />
          ))}
        </tbody>
      </table>
      {next !== null && (
        <p class="soft">
          And {(all - workers.length).toLocaleString('en')} more: <code>sluice status luigid</code>
        </p>
      )}
    </>
  )
}

const WorkerRow = ({ worker }: { worker: LuigidWorker }) => (
  <tr>
    <td>
      <Name text={worker.worker} />
      {worker.isDisabled && <span class="bad"> disabled</span>}
      {worker.isAssistant && <span class="soft"> assistant</span>}
    </td>
    <td class="wide">{worker.firstTask !== null && <Name text={worker.firstTask} />}</td>
    <td class="number">
      {worker.running.toLocaleString('en')} of {worker.processes.toLocaleString('en')}
    </td>
    <td class="number">{worker.pending.toLocaleString('en')}</td>
    <td>
      <Instant at={worker.lastActiveAt} isShort />
    </td>
  </tr>
)

/** Resources that have a total. */
export function Resources({ resources }: { resources: NonNullable<Luigid['scheduler']>['resources'] }) {
  if (resources.length === 0) return null
  return (
    <section aria-labelledby="resources">
      <h2 id="resources">Resources</h2>
      <ul class="cards">
        {resources.map(({ resource, limit, held }) => (
          <li class="card" key={resource}>
            <h3>
              <Name text={resource} />
            </h3>
            <p>
              {held.toLocaleString('en')} of {limit.toLocaleString('en')} held
            </p>
          </li>
        ))}
      </ul>
    </section>
  )
}
