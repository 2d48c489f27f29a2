import { controlSuite } from './control.suite.ts'
import { openControl, openHostedControl } from './open-state.ts'
import { PIPELINES } from './pipelines.ts'

controlSuite('following runs the bodies', async (test) => openControl(test, PIPELINES))

controlSuite('an engine works by itself', async (test) => openHostedControl(test, PIPELINES))
