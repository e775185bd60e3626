/**
 * Text that arrives in pieces, given on line by line. A line that is longer than its limit is cut
 * there; its rest is dropped, so that nothing a program prints can fill the memory.
 */
import { StringDecoder } from 'node:string_decoder';

export interface LineSplitter {
  write(chunk: Buffer): void;
  /** Gives on what came after the last line break. */
  end(): void;
}

/** @param maxLength in UTF-16 units, for what is given on of one line. */
export function splitLines(maxLength: number, onLine: (line: string) => void): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let line = '';
  const add = (text: string) => {
    if (line.length < maxLength) line += text.slice(0, maxLength - line.length);
  };
  const give = () => {
    onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
    line = '';
  };
  const take = (text: string) => {
    const parts = text.split('\n');
    parts.forEach((part, index) => {
      add(part);
      if (index < parts.length - 1) give();
    });
  };
  return {
    write: (chunk) => {
      take(decoder.write(chunk));
    },
    end: () => {
      take(decoder.end());
      if (line !== '') give();
    },
  };
}
