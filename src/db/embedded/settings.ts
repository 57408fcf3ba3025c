/**
 * The embedded server's settings. They go on the command line at every start, so an update of Florin brings
 * its own; none of them is a secret.
 */
export type Settings = Readonly<Record<string, string>>;

export const EMBEDDED_SETTINGS: Settings = {
  // What "committed" promises. Florin refuses to start without these.
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",

  // Memory: enough for the hot tables of one node, modest on a laptop. No huge pages: they need set-up.
  shared_buffers: "256MB",
  huge_pages: "off",
  max_connections: "100",
  jit: "off",

  // Group commit writes much WAL: few checkpoints, compressed page images.
  wal_compression: "on",
  min_wal_size: "256MB",
  max_wal_size: "2GB",
  checkpoint_timeout: "15min",
  checkpoint_completion_target: "0.9",

  // Reached through TCP on this machine alone; without a Unix socket there is none to be left over.
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  password_encryption: "scram-sha-256",

  // A client that was killed must not hold its row locks for the two hours of the system's default.
  tcp_keepalives_idle: "30",
  tcp_keepalives_interval: "10",
  tcp_keepalives_count: "3",
  // Windows can't look whether a client is still there, and refuses the setting.
  ...(process.platform === "win32" ? {} : { client_connection_check_interval: "10s" }),

  TimeZone: "UTC",
  log_timezone: "UTC",
  lc_messages: "C",

  // One file a weekday, overwritten after a week. "terse" because DETAIL lines quote rows, and rows hold
  // what buyers told us.
  logging_collector: "on",
  log_filename: "postgres-%a.log",
  log_rotation_age: "1d",
  log_rotation_size: "0",
  log_truncate_on_rotation: "on",
  log_file_mode: "0600",
  log_line_prefix: "%m [%p] %u@%d ",
  log_error_verbosity: "terse",
  log_parameter_max_length: "0",
  log_parameter_max_length_on_error: "0",
  log_checkpoints: "off",
};

export function toArguments(settings: Settings): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
