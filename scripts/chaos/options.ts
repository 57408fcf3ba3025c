/** What a chaos run does: which faults how often, on how many nodes, under which load. */

/** Every fault by its name in the options, with the words of the report. */
export const FAULTS = {
  kills: "nodes killed with SIGKILL",
  pauses: "nodes paused past their ownership (SIGSTOP, SIGCONT)",
  crashes: "PostgreSQL stopped at once and started again",
  failovers: "PostgreSQL killed and its standby promoted",
  lateFailovers: "the same after a crash that the standby had missed",
  redisKills: "Redis killed and started empty",
  redisFlushes: "Redis flushed",
  sentinelFailovers: "Redis masters killed, replica promoted by Sentinel",
  cutsBefore: "connections cut before COMMIT reached the server",
  cutsAfter: "connections cut after COMMIT, before its answer",
} as const;

export type FaultKind = keyof typeof FAULTS;
export type FaultCounts = Readonly<Record<FaultKind, number>>;

export const FAULT_KINDS = Object.keys(FAULTS) as readonly FaultKind[];

export interface ChaosOptions {
  readonly nodes: number;
  readonly faults: FaultCounts;
  readonly paymentsPerSecond: number;
  /** Without the tokens that take long to come to rest. */
  readonly isQuick: boolean;
  /** Repeats the order and the kind of the faults; their exact moments are the machine's. */
  readonly seed: number;
  /** After this a killed node's orders must have another owner. */
  readonly adoptionLimitMs: number;
  /** Leaves the folder with databases and logs. */
  readonly keep: boolean;
  readonly onProgress: (progress: ChaosProgress) => void;
}

export interface ChaosProgress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly note: string;
}

/** The ownership time and five seconds. */
export const ADOPTION_LIMIT_MS = 15_000;
/** Each time the database was away, nodes have to find it again and begin a new sweep: so much more is allowed. */
export const DISTURBANCE_MS = 5_000;

/** About two minutes. */
export const SHORT_RUN = {
  nodes: 3,
  paymentsPerSecond: 20,
  isQuick: true,
  faults: {
    kills: 12,
    pauses: 3,
    crashes: 5,
    failovers: 2,
    lateFailovers: 1,
    redisKills: 3,
    redisFlushes: 3,
    sentinelFailovers: 2,
    cutsBefore: 10,
    cutsAfter: 10,
  },
} as const satisfies Partial<ChaosOptions>;

/** Two nodes more, so that three may be paused at a time: else the pauses alone would take an hour. */
export const FULL_RUN = {
  nodes: 5,
  paymentsPerSecond: 12,
  isQuick: false,
  faults: {
    kills: 500,
    pauses: 200,
    crashes: 100,
    failovers: 20,
    lateFailovers: 10,
    redisKills: 50,
    redisFlushes: 50,
    sentinelFailovers: 20,
    cutsBefore: 200,
    cutsAfter: 200,
  },
} as const satisfies Partial<ChaosOptions>;
