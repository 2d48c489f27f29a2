/** How many failures a task may have; a client may set its own for each task. */
export interface RetryPolicy {
  /** So many failures within the window disable a task. */
  retryCount: number
  /** Seconds since the first failure after which the next one disables a task. */
  disableHardTimeout: number
  /** Seconds for which a failure counts. */
  disableWindow: number
}

/** The settings of the scheduler, by the names that Luigi's `[scheduler]` section gives them; durations in seconds. */
export interface SchedulerConfig {
  retry_delay: number
  remove_delay: number
  worker_disconnect_delay: number
  disable_window: number
  retry_count: number
  disable_hard_timeout: number
  disable_persist: number
  max_shown_tasks: number
  max_graph_nodes: number
  prune_on_get_work: boolean
  pause_enabled: boolean
  send_messages: boolean
  stable_done_cooldown_secs: number
  record_task_history: boolean
}

/** What Luigi's own scheduler takes if its config says nothing. */
export const LUIGI_DEFAULTS: Readonly<SchedulerConfig> = {
  retry_delay: 900,
  remove_delay: 600,
  worker_disconnect_delay: 60,
  disable_window: 3_600,
  retry_count: 999_999_999,
  disable_hard_timeout: 999_999_999,
  disable_persist: 86_400,
  max_shown_tasks: 100_000,
  max_graph_nodes: 100_000,
  prune_on_get_work: false,
  pause_enabled: true,
  send_messages: true,
  stable_done_cooldown_secs: 10,
  record_task_history: false,
}

/** The policy of tasks for which a client sets none. */
export const makeDefaultPolicy = (config: SchedulerConfig): RetryPolicy => ({
  retryCount: config.retry_count,
  disableHardTimeout: config.disable_hard_timeout,
  disableWindow: config.disable_window,
})
