/** libvirt's named values of a varying type (virTypedParameter). */
import {
  double,
  flag,
  hyper,
  int,
  list,
  protocolError,
  string,
  struct,
  uhyper,
  uint,
  type Codec,
} from './xdr.ts';

export type TypedValue = number | boolean | string;
export type TypedParameters = ReadonlyMap<string, TypedValue>;

/** By VIR_TYPED_PARAM_… number. */
const values: ReadonlyMap<number, Codec<TypedValue>> = new Map([
  [1, int],
  [2, uint],
  [3, hyper],
  [4, uhyper],
  [5, double],
  [6, flag],
  [7, string],
] as [number, Codec<TypedValue>][]);

const value: Codec<TypedValue> = {
  write: (writer, given) => {
    if (typeof given === 'string') {
      int.write(writer, 7);
      string.write(writer, given);
    } else if (typeof given === 'boolean') {
      int.write(writer, 6);
      flag.write(writer, given);
    } else {
      int.write(writer, 4);
      uhyper.write(writer, given);
    }
  },
  read: (reader) => {
    const type = int.read(reader);
    const codec = values.get(type);
    if (codec === undefined) throw protocolError(`a parameter has the unknown type ${type}`);
    return codec.read(reader);
  },
};

const parameters = (maxCount: number) => list(struct({ field: string, value }), maxCount);

export function typedParameters(maxCount: number): Codec<TypedParameters> {
  const codec = parameters(maxCount);
  return {
    write: (writer, map) => {
      const entries = [...map].map(([field, given]) => ({ field, value: given }));
      codec.write(writer, entries);
    },
    read: (reader) =>
      new Map(codec.read(reader).map(({ field, value: given }) => [field, given] as const)),
  };
}
