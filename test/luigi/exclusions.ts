/** Tests of Luigi that cannot run against a scheduler that is served, by their names, with the reason. */
export const EXCLUSIONS: readonly { test: string; reason: string }[] = [
  {
    test: 'batch_(disable|failure)_email|email_batch|batch_email|send_normal_disable|test_(handle_bad_expl|scheduling_failure|update_batcher_on_prune|post_error_message)',
    reason: 'no e-mail is sent: docs/luigi.md says so',
  },
  {
    test: '_cors_headers(_all_response_headers|_null_origin|_disallow_any)?$',
    reason: 'pages of another origin are refused always: docs/luigi.md says so',
  },
  {
    test: 'collector|[Mm]etrics',
    reason: 'a collector is an object inside of the scheduler; looking.test.ts asks for /metrics',
  },
  {
    test: 'server_test.py::(_ServerTest|UNIXServerTest|INET)|StableDoneCooldownSecsTest',
    reason: "starts luigid itself; the rules that they test are in Luigi's other tests and in ours",
  },
  {
    test: 'test_(load_old_state|load_broken_state)|DbTaskHistory|task_history',
    reason: 'is on the pickle or the database of luigid, which are not there',
  },
  {
    test: 'SchedulerIoTest::test_(per_task|update_priority|scheduler_with|local_scheduler|add_task_with|generate|load_rec|pretty|scheduler_get)',
    reason: 'reads or calls what only an object in the same process has',
  },
  {
    test: 'SchedulerWorkerTest|test_message_handling|test_public_and_hidden_params|test_task_(first|has_excessive)_failure',
    reason: 'reads or calls what only an object in the same process has',
  },
  {
    test: 'test_get_work_speed|test_quadratic_behavior',
    reason:
      'makes up to 200,000 calls; Luigi leaves it out over a network as well, bench/schedulers.ts measures it',
  },
]
