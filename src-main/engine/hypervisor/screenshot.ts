import { AppError } from '#contract/errors.ts';
import { domainRef } from './domain-ref.ts';
import { hasLibvirtNumber, libvirtErrorNumber } from './libvirt-error.ts';
import type { Link } from './link.ts';
import { procedures } from './procedures.ts';
import { readAll } from './read-stream.ts';
import { at, attribute, children, parseXml } from './xml.ts';

/** An 8K screen as PPM has 96 MiB; this leaves room for several heads in one picture. */
export const maxScreenshotBytes = 256 * 1024 * 1024;

export interface Screenshot {
  readonly mime: string; // QEMU gives image/x-portable-pixmap
  readonly bytes: Buffer;
}

/** The first screen as it is now; null for a stopped machine or one without a screen. */
export async function takeScreenshot(link: Link, uuid: string): Promise<Screenshot | null> {
  const args = { dom: domainRef(uuid), screen: 0, flags: 0 };
  try {
    const { result, stream } = await link.openStream(procedures.domainScreenshot, args);
    const bytes = await readAll(stream, maxScreenshotBytes, () => tooLarge());
    return { mime: result.mime ?? 'application/octet-stream', bytes };
  } catch (thrown) {
    const { operationInvalid, operationUnsupported, invalidArgument } = libvirtErrorNumber;
    const none = [operationInvalid, operationUnsupported, invalidArgument];
    if (hasLibvirtNumber(thrown, ...none)) return null;
    // QEMU's refusal comes as "internal error", which says nothing: look at the machine instead.
    if (hasLibvirtNumber(thrown, libvirtErrorNumber.internal) && !(await hasScreen(link, uuid))) {
      return null;
    }
    throw thrown;
  }
}

async function hasScreen(link: Link, uuid: string): Promise<boolean> {
  const { xml } = await link.call(procedures.domainGetXml, { dom: domainRef(uuid), flags: 0 });
  const devices = at(parseXml(xml, 'domain'), 'devices');
  const videos = devices === null ? [] : children(devices, 'video');
  return videos.some((video) => attribute(at(video, 'model'), 'type') !== 'none');
}

function tooLarge(): AppError {
  return new AppError('libvirt-protocol', 'A picture of a screen is larger than any screen.', {
    maxBytes: maxScreenshotBytes,
  });
}
