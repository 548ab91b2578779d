//! Six months of TRANSACTION, with the PAYEE records that add them up and the IMPORT_LOG of the monthly bank files.
//!
//! Money out is negative cents, income positive. A day's purchases depend on that calendar day alone, so last month looks
//! the same tomorrow; only copays follow the appointments, which move with today.

use std::collections::BTreeMap;

use hal_db::Record;
use hal_db::date::{days_in_month, iso, weekday, ymd_from_day};

use super::chance::Chance;
use super::table::Draft;
use super::{HISTORY_DAYS, IMPORT_BATCH_PREFIX};

type Made = (String, String, Record);

struct Payee {
    id: &'static str,
    name: &'static str,
    /// As the bank writes it.
    bank_line: &'static str,
    category: &'static str,
    vendor: &'static str,
}

const fn payee(
    id: &'static str,
    name: &'static str,
    bank_line: &'static str,
    category: &'static str,
    vendor: &'static str,
) -> Payee {
    Payee { id, name, bank_line, category, vendor }
}

const PAYEES: &[Payee] = &[
    payee("PYE001", "Acme Widgets", "ACME WIDGETS PAYROLL", "01010000", "employer"),
    payee("PYE002", "Exampleton Library", "EXAMPLETON LIBRARY PAYROLL", "01010000", "employer"),
    payee("PYE003", "First Example Bank", "FIRST EXAMPLE BANK MORTGAGE", "02010000", "bank"),
    payee("PYE004", "City Electric", "CITY ELECTRIC AUTOPAY", "03010000", "utility"),
    payee("PYE005", "Northside Water", "NORTHSIDE WATER DIST", "03020000", "utility"),
    payee("PYE006", "Fiberlane", "FIBERLANE INTERNET", "03030000", "utility"),
    payee("PYE007", "Chatter Mobile", "CHATTER MOBILE 5 LINES", "03040000", "utility"),
    payee("PYE008", "Warmhouse Heating", "WARMHOUSE HEATING CO", "03050000", "utility"),
    payee("PYE009", "Umbrella Mutual", "UMBRELLA MUTUAL PREMIUM", "06010000", "insurance"),
    payee("PYE010", "Green Basket Market", "GREEN BASKET MKT 004", "04010000", "grocery"),
    payee("PYE011", "Harvest Foods", "HARVEST FOODS EXAMPLETON", "04010000", "grocery"),
    payee("PYE012", "Milk and More", "MILK & MORE CORNER STORE", "04010000", "grocery"),
    payee("PYE013", "Fillmore Fuel", "FILLMORE FUEL 12", "05010000", "gas station"),
    payee("PYE014", "Pump and Go", "PUMP & GO EXAMPLE HWY", "05010000", "gas station"),
    payee("PYE015", "Bella Pasta", "BELLA PASTA", "04020000", "restaurant"),
    payee("PYE016", "Dragon Garden", "DRAGON GARDEN REST", "04020000", "restaurant"),
    payee("PYE017", "Sunrise Diner", "SUNRISE DINER", "04020000", "restaurant"),
    payee("PYE018", "Coffee Corner", "COFFEE CORNER 2", "04030000", "coffee shop"),
    payee("PYE019", "Corner Pharmacy", "CORNER PHARMACY", "07010000", "pharmacy"),
    payee("PYE020", "StreamBox", "STREAMBOX.EXAMPLE", "09010000", "subscription"),
    payee("PYE021", "TuneCloud", "TUNECLOUD.EXAMPLE", "09010000", "subscription"),
    payee("PYE022", "The Daily Example", "DAILY EXAMPLE NEWSPAPER", "09010000", "subscription"),
    payee("PYE023", "Pineview School", "PINEVIEW SCHOOL LUNCH", "08010000", "school"),
    payee("PYE024", "Peggy Lowe", "P LOWE PIANO", "08020000", "teacher"),
    payee("PYE025", "Badger Soccer Club", "BADGER SOCCER CLUB", "08020000", "club"),
    payee("PYE026", "Small Sizes", "SMALL SIZES CLOTHING", "08030000", "clothing"),
    payee("PYE027", "Nuts and Bolts Hardware", "NUTS & BOLTS HDWE", "10010000", "hardware"),
    payee("PYE028", "Tidy Home", "TIDY HOME SUPPLIES", "10020000", "household"),
    payee("PYE029", "Page Turner Books", "PAGE TURNER BOOKS", "09020000", "books"),
    payee("PYE030", "Moonlight Cinema", "MOONLIGHT CINEMA", "09030000", "cinema"),
    payee("PYE031", "Ribbon and Bow", "RIBBON & BOW GIFTS", "11000000", "gifts"),
    payee("PYE032", "Wrench Brothers Garage", "WRENCH BROS GARAGE", "05020000", "garage"),
    payee("PYE033", "Exampleton Parking", "EXAMPLETON PARKING", "05030000", "parking"),
    payee("PYE034", "Maple Street Family Clinic", "MAPLE STREET CLINIC COPAY", "07020000", "clinic"),
];

enum When {
    MonthDay(u32),
    MonthEnd,
    /// Every week on this day, 1 = Monday.
    Weekday(u32),
    /// On this weekday in so many percent of the weeks.
    SomeWeekdays(u32, i64),
    /// On Monday to Friday, each with so many percent.
    Workdays(i64),
    /// Any day, with so many percent.
    AnyDay(i64),
}

struct Habit {
    when: When,
    /// One of them is drawn each time.
    payees: &'static [&'static str],
    /// Least and most, cents; negative is spent.
    cents: (i64, i64),
    account: &'static str,
    memo: &'static str,
    tags: &'static [&'static str],
    /// When it is not the payee's usual one.
    category: Option<&'static str>,
}

const fn habit(
    when: When,
    payees: &'static [&'static str],
    cents: (i64, i64),
    account: &'static str,
    memo: &'static str,
) -> Habit {
    Habit { when, payees, cents, account, memo, tags: &[], category: None }
}

const fn tagged(mut habit: Habit, tags: &'static [&'static str]) -> Habit {
    habit.tags = tags;
    habit
}

const CHECKING: &str = "Checking";
const CARD: &str = "Credit card";

const HABITS: &[Habit] = &[
    habit(When::MonthDay(15), &["PYE001"], (234_150, 234_150), CHECKING, "Salary Arthur"),
    habit(When::MonthEnd, &["PYE001"], (234_150, 234_150), CHECKING, "Salary Arthur"),
    habit(When::MonthDay(28), &["PYE002"], (188_000, 188_000), CHECKING, "Salary Grace"),
    tagged(
        habit(When::MonthDay(1), &["PYE003"], (-168_500, -168_500), CHECKING, "Mortgage"),
        &["TAG003", "TAG004"],
    ),
    tagged(habit(When::MonthDay(5), &["PYE004"], (-14_800, -8_200), CHECKING, "Electric bill"), &["TAG004"]),
    tagged(habit(When::MonthDay(12), &["PYE005"], (-6_200, -3_900), CHECKING, "Water bill"), &["TAG004"]),
    tagged(habit(When::MonthDay(8), &["PYE006"], (-5_999, -5_999), CHECKING, "Internet"), &["TAG004"]),
    tagged(
        habit(When::MonthDay(18), &["PYE007"], (-12_480, -12_480), CHECKING, "Mobile phones"),
        &["TAG004"],
    ),
    tagged(habit(When::MonthDay(20), &["PYE008"], (-13_500, -4_100), CHECKING, "Heating"), &["TAG004"]),
    tagged(habit(When::MonthDay(3), &["PYE009"], (-14_820, -14_820), CHECKING, "Car insurance"), &["TAG004"]),
    Habit {
        when: When::MonthDay(3),
        payees: &["PYE009"],
        cents: (-9_640, -9_640),
        account: CHECKING,
        memo: "Home insurance",
        tags: &["TAG003", "TAG004"],
        category: Some("06020000"),
    },
    tagged(habit(When::MonthDay(10), &["PYE020"], (-1_599, -1_599), CARD, ""), &["TAG004"]),
    tagged(habit(When::MonthDay(22), &["PYE021"], (-999, -999), CARD, ""), &["TAG004"]),
    tagged(habit(When::MonthDay(2), &["PYE022"], (-1_200, -1_200), CARD, ""), &["TAG004"]),
    tagged(habit(When::MonthDay(4), &["PYE025"], (-4_500, -4_500), CHECKING, "Ben's soccer"), &["TAG002"]),
    habit(When::Weekday(6), &["PYE010"], (-19_800, -9_600), CARD, ""),
    habit(When::Weekday(3), &["PYE011"], (-7_400, -2_900), CARD, ""),
    habit(When::AnyDay(36), &["PYE012", "PYE011"], (-3_100, -650), CARD, ""),
    habit(When::AnyDay(23), &["PYE013", "PYE014"], (-6_300, -3_300), CARD, ""),
    habit(When::SomeWeekdays(5, 65), &["PYE015", "PYE016"], (-10_400, -4_800), CARD, "Family dinner"),
    habit(When::Workdays(42), &["PYE017", "PYE016"], (-1_850, -880), CARD, "Lunch"),
    habit(When::Workdays(68), &["PYE018"], (-740, -375), CARD, ""),
    tagged(habit(When::MonthDay(6), &["PYE019"], (-4_600, -1_850), CARD, "Prescriptions"), &["TAG001"]),
    tagged(habit(When::MonthDay(21), &["PYE019"], (-3_900, -1_000), CARD, "Prescriptions"), &["TAG001"]),
    tagged(habit(When::Weekday(1), &["PYE023"], (-1_750, -1_750), CHECKING, "School lunches"), &["TAG002"]),
    tagged(
        habit(When::Weekday(4), &["PYE024"], (-3_000, -3_000), CHECKING, "Lily's piano lesson"),
        &["TAG002"],
    ),
    tagged(habit(When::AnyDay(6), &["PYE026"], (-8_800, -1_400), CARD, ""), &["TAG002"]),
    tagged(habit(When::AnyDay(7), &["PYE027"], (-9_500, -620), CARD, ""), &["TAG003"]),
    habit(When::AnyDay(11), &["PYE028"], (-4_200, -700), CARD, ""),
    habit(When::AnyDay(5), &["PYE029"], (-3_800, -900), CARD, ""),
    habit(When::SomeWeekdays(6, 18), &["PYE030"], (-5_200, -2_600), CARD, "Movie night"),
    habit(When::AnyDay(3), &["PYE031"], (-6_500, -1_500), CARD, ""),
    habit(When::AnyDay(2), &["PYE032"], (-42_000, -5_500), CARD, ""),
    habit(When::AnyDay(6), &["PYE033"], (-1_200, -300), CARD, ""),
];

impl When {
    fn is(&self, day: i64, chance: &mut Chance) -> bool {
        let (year, month, day_of_month) = ymd_from_day(day);
        match *self {
            When::MonthDay(wanted) => day_of_month == wanted,
            When::MonthEnd => day_of_month == days_in_month(year, month),
            When::Weekday(wanted) => weekday(day) == wanted,
            When::SomeWeekdays(wanted, percent) => weekday(day) == wanted && chance.percent(percent),
            When::Workdays(percent) => weekday(day) <= 5 && chance.percent(percent),
            When::AnyDay(percent) => chance.percent(percent),
        }
    }
}

/// One line of the bank.
struct Line<'a> {
    payee: &'a Payee,
    cents: i64,
    account: &'a str,
    memo: &'a str,
    tags: &'a [&'a str],
    category: &'a str,
    reimbursable: bool,
}

fn payee_of(id: &str) -> &'static Payee {
    PAYEES.iter().find(|payee| payee.id == id).expect("habits name payees of the table")
}

/// `copays`: day, cents of every copay that was paid.
pub(super) fn records(today: i64, copays: &[(i64, i64)]) -> Vec<Made> {
    let mut records = Vec::new();
    let mut sums: BTreeMap<&str, (i64, i64, i64, i64)> = BTreeMap::new();
    let mut months: BTreeMap<String, (i64, i64, i64)> = BTreeMap::new();
    for day in today - HISTORY_DAYS..=today {
        let mut lines = Vec::new();
        let mut chance = Chance::of(day, "spending");
        for habit in HABITS {
            if !habit.when.is(day, &mut chance) {
                continue;
            }
            let last = i64::try_from(habit.payees.len()).expect("few payees") - 1;
            let payee = payee_of(habit.payees[usize::try_from(chance.between(0, last)).expect("an index")]);
            lines.push(Line {
                payee,
                cents: chance.around(habit.cents.0, habit.cents.1),
                account: habit.account,
                memo: habit.memo,
                tags: habit.tags,
                category: habit.category.unwrap_or(payee.category),
                reimbursable: false,
            });
        }
        let clinic = payee_of("PYE034");
        lines.extend(copays.iter().filter(|copay| copay.0 == day).map(|(_, cents)| Line {
            payee: clinic,
            cents: -cents,
            account: CARD,
            memo: "Copay",
            tags: &["TAG001"],
            category: clinic.category,
            reimbursable: true,
        }));
        let batch = format!("{IMPORT_BATCH_PREFIX}{}", &iso(day)[..7]);
        for (number, line) in (1..).zip(&lines) {
            let sum = sums.entry(line.payee.id).or_insert((day, day, 0, 0));
            *sum = (sum.0, day, sum.2 + 1, sum.3 + line.cents);
            let month = months.entry(batch.clone()).or_insert((day, day, 0));
            *month = (month.0, day, month.2 + 1);
            let id = format!("TRX-{}-{number}", iso(day).replace('-', ""));
            records.push(transaction(id, day, today, &batch, line));
        }
    }
    records.extend(PAYEES.iter().map(|payee| summary(payee, sums.get(payee.id), today)));
    records.extend(months.into_iter().map(|(id, (first, last, count))| {
        Draft::new("IMPORT_LOG", id.clone())
            .set("IMPORT_DATE", last.to_string())
            .set("SOURCE_FILE", format!("{}.csv", id.to_lowercase()))
            .set("RECORD_COUNT", count.to_string())
            .set("DATE_RANGE", format!("{} to {}", iso(first), iso(last)))
            .set("IMPORT_TYPE", "bank")
            .set("USER", "P001")
            .set("STATUS", "completed")
            .finish(today)
    }));
    records
}

fn transaction(id: String, day: i64, today: i64, batch: &str, line: &Line<'_>) -> Made {
    let mut tags = Record::new();
    for (place, tag) in (1..).zip(line.tags) {
        tags.replace(1, place, 0, tag);
    }
    Draft::new("TRANSACTION", id)
        .set("TRANS_DATE", day.to_string())
        .set("ORIGINAL_PAYEE", line.payee.bank_line)
        .set("STANDARDIZED_PAYEE", line.payee.name)
        .set("AMOUNT", line.cents.to_string())
        .set("CATEGORY_KEY", line.category)
        .set("ACCOUNT", line.account)
        .set("MEMO", line.memo)
        .set("REIMBURSABLE_FLAG", if line.reimbursable { "Y" } else { "N" })
        .set("REIMBURSEMENT_CATEGORY", if line.reimbursable { "medical" } else { "" })
        .set("PAYEE_ID", line.payee.id)
        .set("IMPORT_BATCH_ID", batch)
        .set("TAG_KEYS", tags.as_bytes())
        .set("TRANSACTION_TYPE", if line.cents < 0 { "debit" } else { "credit" })
        // The bank needs two days.
        .set("CLEARED_STATUS", if day > today - 2 { "pending" } else { "cleared" })
        .set("SPLIT_FLAG", "N")
        .finish(today)
}

/// `sum`: first day, last day, count, cents; absent for a payee who was not met in these months.
fn summary(payee: &Payee, sum: Option<&(i64, i64, i64, i64)>, today: i64) -> Made {
    let draft = Draft::new("PAYEE", payee.id.to_owned())
        .set("STANDARD_NAME", payee.name)
        .set("ALIASES", payee.bank_line)
        .set("DEFAULT_CATEGORY", payee.category)
        .set("AUTO_REIMBURSABLE", if payee.vendor == "clinic" { "Y" } else { "N" })
        .set("VENDOR_TYPE", payee.vendor);
    let draft = match sum {
        None => draft,
        Some((first, last, count, cents)) => draft
            .set("FIRST_SEEN_DATE", first.to_string())
            .set("LAST_SEEN_DATE", last.to_string())
            .set("TRANSACTION_COUNT", count.to_string())
            .set("TOTAL_AMOUNT", cents.to_string()),
    };
    draft.finish(today)
}
