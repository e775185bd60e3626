/**
 * Devices of a domain that may come back from a backup as they are, but for what ties them to a
 * host. Disks, networks, screens and ports have code of their own (rebuild-devices.ts).
 */
import { hexNumber, number, onOff, word, yesNo, type Check, type Rule } from './allow-list.ts';

export const address: Rule = {
  attributes: {
    type: ['pci', 'drive', 'virtio-serial', 'ccid', 'usb', 'isa', 'virtio-mmio', 'dimm'],
    domain: hexNumber,
    bus: hexNumber,
    slot: hexNumber,
    function: hexNumber,
    multifunction: onOff,
    controller: number,
    target: number,
    unit: number,
    port: /^[\d.]{1,32}$/,
    iobase: hexNumber,
    irq: hexNumber,
    base: hexNumber,
  },
  required: ['type'],
};

export const bootOrder: Rule = { attributes: { order: number, loadparm: word } };
const virtioDriver = { iommu: onOff, ats: onOff, packed: onOff, page_per_vq: onOff } as const;

const controller: Rule = {
  attributes: {
    type: ['ide', 'fdc', 'scsi', 'sata', 'virtio-serial', 'usb', 'ccid', 'pci', 'isa'],
    index: number,
    model: word,
    ports: number,
    vectors: number,
  },
  required: ['type'],
  children: {
    address,
    driver: {
      attributes: {
        queues: number,
        cmd_per_lun: number,
        max_sectors: number,
        ioeventfd: onOff,
        iothread: number,
        ...virtioDriver,
      },
    },
    model: { attributes: { name: word } },
    master: { attributes: { startport: number } },
    pcihole64: { attributes: { unit: word }, text: number },
    target: {
      attributes: {
        chassisNr: number,
        chassis: number,
        port: hexNumber,
        busNr: number,
        index: number,
        hotplug: onOff,
      },
      children: { node: { text: number } },
    },
  },
};

const videoModels: Check = ['vga', 'cirrus', 'vmvga', 'qxl', 'virtio', 'bochs', 'ramfb', 'none'];
const video: Rule = {
  children: {
    address,
    driver: { attributes: virtioDriver },
    model: {
      attributes: {
        type: videoModels,
        ram: number,
        vram: number,
        vram64: number,
        vgamem: number,
        heads: number,
        primary: yesNo,
      },
      required: ['type'],
      children: { resolution: { attributes: { x: number, y: number } } },
    },
  },
};

export const deviceRules: Readonly<Record<string, Rule>> = {
  controller,
  video,
  input: {
    attributes: {
      type: ['tablet', 'mouse', 'keyboard'],
      bus: ['ps2', 'usb', 'virtio'],
      model: word,
    },
    required: ['type'],
    children: { address, driver: { attributes: virtioDriver } },
  },
  hub: { attributes: { type: ['usb'] }, required: ['type'], children: { address } },
  sound: {
    attributes: { model: word, streams: number },
    required: ['model'],
    children: { address, codec: { attributes: { type: word } } },
  },
  memballoon: {
    attributes: { model: word, autodeflate: onOff, freePageReporting: onOff },
    children: {
      address,
      stats: { attributes: { period: number } },
      driver: { attributes: virtioDriver },
    },
  },
  watchdog: {
    attributes: {
      model: word,
      action: ['reset', 'shutdown', 'poweroff', 'pause', 'none', 'inject-nmi'],
    },
    required: ['model'],
    children: { address },
  },
  panic: { attributes: { model: word }, children: { address } },
  iommu: {
    attributes: { model: ['intel', 'smmuv3', 'virtio'] },
    required: ['model'],
    children: {
      address,
      driver: {
        attributes: {
          intremap: onOff,
          caching_mode: onOff,
          eim: onOff,
          iotlb: onOff,
          aw_bits: number,
        },
      },
    },
  },
  // Only the emulated kind; its state is libvirt's, in a folder named by the machine's new uuid.
  tpm: {
    attributes: { model: word },
    children: {
      address,
      backend: {
        attributes: { type: ['emulator'], version: ['1.2', '2.0'] },
        required: ['type'],
        children: {
          active_pcr_banks: { children: { sha1: {}, sha256: {}, sha384: {}, sha512: {} } },
        },
      },
    },
  },
  memory: {
    attributes: { model: ['dimm'], discard: yesNo },
    required: ['model'],
    children: {
      address,
      target: {
        children: {
          size: { attributes: { unit: word }, text: number },
          node: { text: number },
        },
      },
    },
  },
};

/** With consent only: hands a device of this host to the machine. */
export const hostDeviceRule: Rule = {
  attributes: { mode: ['subsystem'], type: ['pci', 'usb'], managed: yesNo },
  required: ['mode', 'type'],
  children: {
    address,
    boot: bootOrder,
    source: {
      attributes: { startupPolicy: ['mandatory', 'requisite', 'optional'] },
      children: {
        vendor: { attributes: { id: hexNumber } },
        product: { attributes: { id: hexNumber } },
        address: {
          attributes: {
            domain: hexNumber,
            bus: hexNumber,
            slot: hexNumber,
            function: hexNumber,
            device: hexNumber,
          },
        },
      },
    },
  },
};

export const deviceReasons: ReadonlyMap<string, string> = new Map([
  ['hostdev', 'It would hand a device of this host to the machine.'],
  ['filesystem', 'It would share a folder of this host with the machine.'],
  ['shmem', 'It would share memory of this host with the machine.'],
  ['smartcard', 'It would hand a card reader of this host to the machine.'],
  ['redirdev', 'It would open a way into the machine from outside.'],
  ['vsock', 'It would open a way from the machine into this host.'],
  ['lease', 'It names a lock of the host it was made on.'],
  ['parallel', 'It would connect the machine with a port of this host.'],
  ['nvram', 'It names a file of the host it was made on.'],
  ['crypto', 'It would hand a device of this host to the machine.'],
]);
