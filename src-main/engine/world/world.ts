/**
 * The only door out of the engine: time, randomness, files and processes come in through here, so
 * that tests can turn the clock, repeat the dice and fail the N-th write. Sockets are opened where
 * their protocol is spoken (hypervisor, nbd).
 */
import { systemClock, type Clock } from './clock.ts';
import { realFiles, type Files } from './files.ts';
import { systemIds, type Ids } from './ids.ts';
import { silentLog, type Log } from './log.ts';
import { realProcesses, type Processes } from './processes.ts';

export interface World {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly files: Files;
  readonly processes: Processes;
  readonly log: Log;
}

/** The world as it is. */
export function realWorld(log: Log = silentLog): World {
  return {
    clock: systemClock,
    ids: systemIds(systemClock),
    files: realFiles,
    processes: realProcesses,
    log,
  };
}
