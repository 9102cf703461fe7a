/**
 * Slots of a Redis Cluster: which of the 16,384 a key is in.
 *
 * CRC16 (XMODEM) of what is between the first `{` and the first `}` after that, or of the whole key when
 * there is nothing between them.
 */
const SLOTS = 16_384;
const POLYNOMIAL = 0x1021;

export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open === -1 ? -1 : key.indexOf("}", open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
    crc &= 0xffff;
  }
  return crc % SLOTS;
}
