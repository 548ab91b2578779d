//! Any bytes as a conversion code, applied both ways to any bytes.

use hal_db::conv::{iconv, oconv};
use hal_db::{DynArray, Env};

use crate::{assert_bounded, halves};

/// Inputs to begin with: a code, NUL, a value.
pub const SEEDS: &[&[u8]] = &[
    b"D4-YMD[4,2,2]\x0021550",
    b"D DMY[Z,A3,2]\x0025 dec 2026",
    b"DWAL,DOMAYL[\" \"]\x00-718430",
    b"DISO8601W-\x009649",
    b"MTHS.\x0063306",
    b"MT'h'\x0012:01am",
    b"EUTS O:\x00770428800",
    b"EISO8601T-\x001994-06-01T00:00:00Z",
    b"MD2,$(\x00-1234567",
    b"MR23,[USD ,.,\",\", x]PZT12*\x0012.345",
    b"ML0(###-##)\x0012345",
    b"MCT\x00o'neil mc-donald",
    b"MC/N\xFDMCP*\x00a\xFEb\x09c1",
    b"MX0C\xFDMB0C\x00AB",
    b"MCXD\x00FF",
    b"MK4\x001234567",
    b"MP\x00-12345",
    b"NR\x00mcmxciv",
    b"B64\x00aGVsbG8=",
    b"G1*2\x00a*b*c*d",
    b"T2,3\x00abcdef",
    b"TDICT F;X1;2;3\x00abc",
    b"L2,4\x00abc",
    b"R-5,10;20,30\x0025",
    b"P(3N'-'2N);(0A)\x00123-45",
    b"S;*;'none'\x000",
    b"C1;'x'-*\x00ab",
    b"<2,1>\x00a\xFEb\xFDc",
    b"HU\x00a b/%41",
    b"ISL\x00\x01\x02",
    b"IF\x00\x01\x02\x03\x04",
    "XLATIN1\u{0}Zoë".as_bytes(),
];

/// Converts one value by one code, for output and for storing.
pub fn fuzz_one(data: &[u8]) {
    let (code, value) = halves(data);
    let code = DynArray::from_bytes(code).to_text();
    let env = Env { today: 21_513, second: 0 };
    let (shown, _) = oconv(value, &code);
    assert_bounded("oconv", shown.len(), 64 * data.len());
    let (stored, _) = iconv(value, &code, &env);
    assert_bounded("iconv", stored.len(), 64 * data.len());
    // What was shown is read again, whatever it is.
    let _ignored = iconv(&shown, &code, &env);
}
