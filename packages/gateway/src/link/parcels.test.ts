import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  decodeReceipt,
  encodeParcel,
  encodeReceipt,
  MAX_PARCEL_BYTES,
  type Parcel,
  ParcelReader,
  PLACES,
} from "./parcels.js";

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
const parcel: fc.Arbitrary<Parcel> = fc.record({
  place: fc.integer({ min: 0, max: PLACES - 1 }),
  alone: fc.boolean(),
  address: fc.constantFrom("", "192.0.2.1", "2001:db8::/64"),
  head: latin1,
});

function bytesOf(each: Parcel): Buffer {
  return Buffer.from(encodeParcel(each), "latin1");
}

describe("parcels", () => {
  it("come out as they went in, with their handles, in whatever pieces", () => {
    fc.assert(
      fc.property(fc.array(parcel, { maxLength: 6 }), fc.array(fc.nat(20)), (parcels, cuts) => {
        const came: unknown[] = [];
        const reader = new ParcelReader<number>((each, handle) => came.push([each, handle]));
        // As the kernel does: a piece has the rest of one, and the beginning of the next with its handle.
        let rest: Buffer = Buffer.alloc(0);
        for (const [handle, each] of parcels.entries()) {
          const bytes = bytesOf(each);
          const cut = Math.min(bytes.length, 1 + (cuts[handle] ?? 0));
          reader.read(Buffer.concat([rest, bytes.subarray(0, cut)]), handle);
          rest = bytes.subarray(cut);
          for (let more = cuts[handle + parcels.length] ?? 0; more > 0 && rest.length > 1; more -= 7) {
            reader.read(rest.subarray(0, 1), undefined);
            rest = rest.subarray(1);
          }
        }
        if (rest.length > 0) reader.read(rest, undefined);
        expect(came).toEqual(parcels.map((each, handle) => [each, handle]));
      }),
    );
  });

  it("whose descriptor was lost come without a handle, and the next has its own", () => {
    const came: unknown[] = [];
    const reader = new ParcelReader<string>(({ place }, handle) => came.push([place, handle]));
    const [a, b] = [0, 1].map((place) => bytesOf({ place, alone: false, address: "", head: "GET" }));
    reader.read(a as Buffer, undefined);
    reader.read(b as Buffer, "b");
    expect(came).toEqual([
      [0, undefined],
      [1, "b"],
    ]);
  });

  it("end the pipe where one says that it is longer than any head", () => {
    const reader = new ParcelReader(() => {});
    const length = Buffer.alloc(5);
    length.writeUInt32BE(MAX_PARCEL_BYTES, 0);
    expect(() => reader.read(length, undefined)).toThrow("a socket came with");
  });

  it("are answered by place", () => {
    for (let place = 0; place < PLACES; place++) {
      for (const has of [true, false]) {
        expect(decodeReceipt(encodeReceipt(place, has).charCodeAt(0))).toEqual({ place, has });
      }
    }
  });
});
