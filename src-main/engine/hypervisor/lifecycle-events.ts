/** libvirt's event messages as HypervisorEvents. */
import { blockJobType } from './block-jobs.ts';
import type { Frame } from './frames.ts';
import type { BlockJobStatus, HypervisorEvent, LifecycleKind } from './hypervisor.ts';
import { toJobStats } from './job-stats.ts';
import { events, remoteProgram } from './procedures.ts';
import type { TypedParameters } from './typed-parameters.ts';
import { uuidText } from './uuid.ts';
import { decodeXdr } from './xdr.ts';

/** virDomainEventType, by number. */
const lifecycleKinds: readonly LifecycleKind[] = [
  'defined',
  'undefined',
  'started',
  'suspended',
  'resumed',
  'stopped',
  'shutdown',
  'pm-suspended',
  'crashed',
];

/** virConnectDomainEventBlockJobStatus, by number. */
const blockJobStatuses: readonly BlockJobStatus[] = ['completed', 'failed', 'cancelled', 'ready'];

const agentIsConnected = 1; // VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED
const jobType = { completed: 3, failed: 4, cancelled: 5 } as const; // virDomainJobType

/** Null for an event nobody registered for: a newer daemon may know more. */
export function decodeEvent(frame: Frame): HypervisorEvent | null {
  if (frame.program !== remoteProgram) return null;
  const { procedure, payload } = frame;
  switch (procedure) {
    case events.lifecycle.procedure: {
      const { dom, event, detail } = decodeXdr(events.lifecycle.message, payload);
      const kind = lifecycleKinds[event];
      if (kind === undefined) return null;
      return { kind: 'lifecycle', uuid: uuidText(dom.uuid), event: kind, detail };
    }
    case events.agent.procedure: {
      const { dom, state } = decodeXdr(events.agent.message, payload);
      return { kind: 'agent', uuid: uuidText(dom.uuid), connected: state === agentIsConnected };
    }
    case events.jobCompleted.procedure: {
      const { dom, params } = decodeXdr(events.jobCompleted.message, payload);
      const type = endedType(params);
      return { kind: 'job-completed', uuid: uuidText(dom.uuid), stats: toJobStats(type, params) };
    }
    case events.blockThreshold.procedure: {
      const { dom, device, threshold, excess } = decodeXdr(events.blockThreshold.message, payload);
      return {
        kind: 'block-threshold',
        uuid: uuidText(dom.uuid),
        device,
        thresholdBytes: threshold,
        excessBytes: excess,
      };
    }
    case events.blockJob.procedure: {
      const { dom, disk, type, status } = decodeXdr(events.blockJob.message, payload);
      const known = blockJobStatuses[status];
      if (known === undefined) return null;
      const uuid = uuidText(dom.uuid);
      return { kind: 'block-job', uuid, disk, type: blockJobType(type), status: known };
    }
    default:
      return null;
  }
}

/** The event has no type. A backup ended by virDomainAbortJob succeeds, with an error message. */
function endedType(params: TypedParameters): number {
  if (params.get('success') === false) return jobType.failed;
  return params.has('errmsg') ? jobType.cancelled : jobType.completed;
}
