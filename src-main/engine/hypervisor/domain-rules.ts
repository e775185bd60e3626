/**
 * What of a domain outside <devices> and <os> may come back from a backup. Nothing here names a
 * file, a device, a processor or a network of the host.
 */
import { number, onOff, prose, word, yesNo, type Check, type Rule } from './allow-list.ts';

const empty: Rule = {};
const state: Rule = { attributes: { state: onOff } };
const unit: Check = /^(?:b|bytes|[KMGT]i?B?|k)$/;
const size: Rule = { attributes: { unit }, text: number };
const afterwards: Check = [
  'destroy',
  'restart',
  'preserve',
  'rename-restart',
  'coredump-destroy',
  'coredump-restart',
];
const ending: Rule = { text: afterwards };

const hyperv: Rule = {
  attributes: { mode: ['custom', 'passthrough'] },
  children: {
    relaxed: state,
    vapic: state,
    spinlocks: { attributes: { state: onOff, retries: number } },
    vpindex: state,
    runtime: state,
    synic: state,
    stimer: { attributes: { state: onOff }, children: { direct: state } },
    reset: state,
    vendor_id: { attributes: { state: onOff, value: /^[^,]{0,12}$/ } },
    frequencies: state,
    reenlightenment: state,
    tlbflush: { attributes: { state: onOff }, children: { direct: state, extended: state } },
    ipi: state,
    evmcs: state,
    avic: state,
    emsr_bitmap: state,
    xmm_input: state,
  },
};

const features: Rule = {
  children: {
    acpi: empty,
    apic: { attributes: { eoi: onOff } },
    pae: empty,
    hap: state,
    viridian: empty,
    privnet: empty,
    hyperv,
    kvm: {
      children: {
        hidden: state,
        'hint-dedicated': state,
        'poll-control': state,
        'pv-ipi': state,
        'dirty-ring': { attributes: { state: onOff, size: number } },
      },
    },
    pvspinlock: state,
    pmu: state,
    vmport: state,
    ps2: state,
    smm: { attributes: { state: onOff }, children: { tseg: size } },
    ioapic: { attributes: { driver: ['kvm', 'qemu'] } },
    gic: { attributes: { version: word } },
    vmcoreinfo: state,
    msrs: { attributes: { unknown: ['ignore', 'fault'] } },
    'async-teardown': { attributes: { enabled: yesNo } },
  },
};

const cpu: Rule = {
  attributes: {
    mode: ['custom', 'host-model', 'host-passthrough', 'maximum'],
    match: ['minimum', 'exact', 'strict'],
    check: ['none', 'partial', 'full'],
    migratable: onOff,
  },
  children: {
    model: {
      attributes: { fallback: ['allow', 'forbid'], vendor_id: /^[\x20-\x7e]{1,12}$/ },
      text: word,
    },
    vendor: { text: word },
    topology: {
      attributes: {
        sockets: number,
        dies: number,
        clusters: number,
        cores: number,
        threads: number,
      },
    },
    feature: {
      attributes: { policy: ['force', 'require', 'optional', 'disable', 'forbid'], name: word },
      required: ['name'],
    },
    cache: { attributes: { level: ['1', '2', '3'], mode: ['emulate', 'passthrough', 'disable'] } },
    maxphysaddr: { attributes: { mode: ['emulate', 'passthrough'], bits: number, limit: number } },
    numa: {
      children: {
        cell: {
          attributes: {
            id: number,
            cpus: /^[\d,^-]{1,256}$/,
            memory: number,
            unit,
            discard: yesNo,
          },
          children: {
            distances: { children: { sibling: { attributes: { id: number, value: number } } } },
          },
        },
      },
    },
  },
};

const clock: Rule = {
  attributes: {
    offset: ['utc', 'localtime', 'timezone', 'variable', 'absolute'],
    adjustment: /^(?:reset|-?\d{1,12})$/,
    basis: ['utc', 'localtime'],
    timezone: /^[\w/+-]{1,64}$/,
    start: number,
  },
  children: {
    timer: {
      attributes: {
        name: word,
        track: ['boot', 'guest', 'wall', 'realtime'],
        tickpolicy: ['delay', 'catchup', 'merge', 'discard'],
        frequency: number,
        mode: ['auto', 'native', 'emulate', 'paravirt', 'smpsafe'],
        present: yesNo,
      },
      required: ['name'],
      children: {
        catchup: { attributes: { threshold: number, slew: number, limit: number } },
      },
    },
  },
};

/** Not its uuid: libvirt wants that one equal to the machine's, which is new. */
const entryName: Check = /^(?!uuid$)[\w.+-]{1,64}$/;
const smbiosEntries: Rule = {
  children: {
    entry: { attributes: { name: entryName }, text: /^[^]{0,256}$/, required: ['name'] },
  },
};

export const topRules: Readonly<Record<string, Rule>> = {
  title: { text: prose },
  description: { text: prose },
  memory: size,
  currentMemory: size,
  maxMemory: { attributes: { unit, slots: number }, text: number },
  vcpu: { attributes: { current: number }, text: number },
  iothreads: { text: /^\d{1,3}$/ },
  iothreadids: { children: { iothread: { attributes: { id: number }, required: ['id'] } } },
  features,
  cpu,
  clock,
  on_poweroff: ending,
  on_reboot: ending,
  on_crash: ending,
  pm: {
    children: {
      'suspend-to-mem': { attributes: { enabled: yesNo } },
      'suspend-to-disk': { attributes: { enabled: yesNo } },
    },
  },
  // Not type fwcfg: its entries read files of the host.
  sysinfo: {
    attributes: { type: ['smbios'] },
    required: ['type'],
    children: {
      bios: smbiosEntries,
      system: smbiosEntries,
      baseBoard: smbiosEntries,
      chassis: smbiosEntries,
      oemStrings: { children: { entry: { text: /^[^]{0,256}$/ } } },
    },
  },
};

/** Why what is left out at the top is left out, where a person would ask. */
export const topReasons: ReadonlyMap<string, string> = new Map([
  ['metadata', 'Programs that manage the original keep notes there; they do not fit a copy.'],
  ['seclabel', 'The host gives a new machine its own security label.'],
  ['resource', 'It names a place among the processes of the host.'],
  ['cputune', 'It names processors of the host it was made on.'],
  ['numatune', 'It names memory of the host it was made on.'],
  ['memoryBacking', 'It asks for memory the host may not have set aside.'],
  ['memtune', 'Limits belong to the host it was made on.'],
  ['blkiotune', 'Limits belong to the host it was made on.'],
  ['launchSecurity', 'It is bound to the processor of the host it was made on.'],
  ['qemu:commandline', 'It hands QEMU arguments that libvirt does not check.'],
  ['qemu:override', 'It changes devices past what libvirt checks.'],
]);
