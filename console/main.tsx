import { render } from 'preact'
import { useEffect } from 'preact/hooks'
import { Link, Route, Switch, useLocation } from 'wouter-preact'
import { isConnected } from './api.ts'
import { Keys } from './keys.tsx'
import { BackfillPage } from './pages/backfill.tsx'
import { BackfillsUnderWay } from './pages/backfill-progress.tsx'
import { GraphPage } from './pages/graph.tsx'
import { LimitsPage } from './pages/limits.tsx'
import { LogPage } from './pages/log.tsx'
import { LuigidLink, LuigidPage } from './pages/luigid.tsx'
import { LuigidTaskPage } from './pages/luigid-task.tsx'
import { OverviewPage } from './pages/overview.tsx'
import { PipelinePage } from './pages/pipeline.tsx'
import { PlanPage } from './pages/plan.tsx'
import { RunPage } from './pages/run.tsx'
import { RunsPage } from './pages/runs.tsx'
import { StartPage } from './pages/start.tsx'
import { TaskRunPage } from './pages/task.tsx'
import { TimelinePage } from './pages/timeline.tsx'
import { Empty } from './parts.tsx'
import { Place } from './server.tsx'

const PAGE_TITLES: { [path: string]: string } = {
  '/': 'Overview',
  '/limits': 'Limits',
  '/luigid': 'Luigi',
  '/luigid/task': 'Task of Luigi',
}

function Console() {
  const [path, go] = useLocation()
  useEffect(() => {
    const [, , run] = path.split('/')
    const title = PAGE_TITLES[path] ?? (run === undefined ? 'Runs' : decodeURIComponent(run))
    document.title = `${title} · Sluice`
    scrollTo(0, 0)
  }, [path])
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header>
        <nav aria-label="Pages">
          <Link href="/" class="logo">
            Sluice
          </Link>
          <Link href="/" aria-current={path === '/' ? 'page' : undefined}>
            Overview
          </Link>
          <Link href="/runs" aria-current={path.startsWith('/runs') ? 'page' : undefined}>
            Runs
          </Link>
          <Link href="/limits" aria-current={path === '/limits' ? 'page' : undefined}>
            Limits
          </Link>
          <LuigidLink path={path} />
        </nav>
        <BackfillsUnderWay />
        <Connection />
        <Place />
        <Keys go={go} />
      </header>
      <main id="main" tabIndex={-1}>
        <Switch>
          <Route path="/">
            <OverviewPage />
          </Route>
          <Route path="/pipelines/:name">
            {({ name }) => <PipelinePage key={name} name={decodeURIComponent(name)} />}
          </Route>
          <Route path="/pipelines/:name/start">
            {({ name }) => <StartPage key={name} name={decodeURIComponent(name)} />}
          </Route>
          <Route path="/pipelines/:name/plan">
            {({ name }) => <PlanPage key={name} name={decodeURIComponent(name)} />}
          </Route>
          <Route path="/pipelines/:name/backfill">
            {({ name }) => <BackfillPage key={name} name={decodeURIComponent(name)} />}
          </Route>
          <Route path="/limits">
            <LimitsPage />
          </Route>
          <Route path="/luigid">
            <LuigidPage />
          </Route>
          <Route path="/luigid/task">
            <LuigidTaskPage />
          </Route>
          <Route path="/runs">
            <RunsPage />
          </Route>
          <Route path="/runs/:run">{({ run }) => <RunPage key={run} run={decodeURIComponent(run)} />}</Route>
          <Route path="/runs/:run/graph">{({ run }) => <GraphPage run={decodeURIComponent(run)} />}</Route>
          <Route path="/runs/:run/timeline">
            {({ run }) => <TimelinePage run={decodeURIComponent(run)} />}
          </Route>
          <Route path="/runs/:run/tasks/:task">
            {({ run, task }) => (
              <TaskRunPage
                key={`${run} ${task}`}
                run={decodeURIComponent(run)}
                number={decodeURIComponent(task)}
              />
            )}
          </Route>
          <Route path="/runs/:run/tasks/:task/log">
            {({ run, task }) => <LogPage run={decodeURIComponent(run)} number={decodeURIComponent(task)} />}
          </Route>
          <Route>
            <Empty title="There is no such page.">
              <Link href="/">The overview</Link> has links to all of them.
            </Empty>
          </Route>
        </Switch>
      </main>
    </>
  )
}

/** Says when Sluice does not answer, and that it is tried again. */
function Connection() {
  return (
    <span class="connection" role="status">
      {isConnected.value ? '' : 'Connection lost: trying again…'}
    </span>
  )
}

const app = document.getElementById('app')
if (app !== null) {
  app.replaceChildren()
  render(<Console />, app)
}
