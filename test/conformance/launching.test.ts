import { type FakeJob, FakeLauncher } from '../support/fake-launcher.ts'
import { testClock } from '../support/test-clock.ts'
import { launchingSuite } from './launching.suite.ts'

launchingSuite('fake', async () => {
  const clock = testClock()
  const launcher = new FakeLauncher(() => clock.now())
  launcher.behaviour.refuse = ({ target }) =>
    target === 'nowhere' ? { is: 'invalid', message: 'there is no such target' } : undefined
  const order = (token: string, target: string): FakeJob['order'] => ({
    handover: { run: 'r-1', number: 0, attempt: 1, token },
    target,
    details: {},
  })
  return {
    launcher,
    order,
    invalid: (token) => order(token, 'nowhere'),
    async pass() {
      await clock.advance(1_000)
      for (const { handle, state, order } of launcher.open)
        if (state.is !== 'running') launcher.move(handle, 'running')
        else if (order.target !== 'stays')
          launcher.end(handle, {
            cause: order.target === 'exits well' ? 'succeeded' : 'failed',
            message: 'its program has ended',
          })
    },
  }
})
