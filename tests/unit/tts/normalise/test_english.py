"""How English is read aloud: what is written, and what is said."""

from __future__ import annotations

import pytest

from services.tts.language import Language
from services.tts.normalise import normalise


def said(text: str) -> str:
    return "".join(piece.spoken for piece in normalise(text, Language.EN))


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("It takes 42 steps.", "It takes forty-two steps."),
        ("0", "zero"),
        ("7 apples", "seven apples"),
        ("100 days", "one hundred days"),
        ("115", "one hundred fifteen"),
        ("999", "nine hundred ninety-nine"),
        ("1,000", "one thousand"),
        ("2,500", "two thousand five hundred"),
        ("10,086", "ten thousand eighty-six"),
        ("1,000,000", "one million"),
        (
            "12,345,678",
            "twelve million three hundred forty-five thousand six hundred seventy-eight",
        ),
        ("7,000,000,000", "seven billion"),
        ("3 trillion", "three trillion"),
        (
            "900,000,000,000,015",
            "nine hundred trillion fifteen",
        ),
        ("3.14", "three point one four"),
        ("0.5", "zero point five"),
        (".5", "point five"),
        ("10.50", "ten point five zero"),
        ("1,234.56", "one thousand two hundred thirty-four point five six"),
        ("-5", "minus five"),
        ("−7 below", "minus seven below"),
        ("+5", "plus five"),
        ("±3", "plus or minus three"),
        ("from -10 to -5", "from minus ten to minus five"),
        ("12345678", "one two three four five six seven eight"),
        ("12000000", "twelve million"),
        ("1 000 000", "one million"),
        ("007", "zero zero seven"),
        (
            "1234567890123456",
            "one two three four five six seven eight nine zero one two three four five six",
        ),
        ("1,2,3", "one, two, three"),
    ],
)
def test_numbers_are_counted(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("1st", "first"),
        ("2nd", "second"),
        ("3rd", "third"),
        ("12th", "twelfth"),
        ("22nd", "twenty-second"),
        ("40th", "fortieth"),
        ("103rd", "one hundred third"),
        ("1,000th", "one thousandth"),
        ("1/2", "a half"),
        ("3 3/4", "three and three quarters"),
        ("2/3", "two thirds"),
        ("7/8", "seven eighths"),
        ("5/16", "five sixteenths"),
        ("½ cup", "a half cup"),
        ("1¾", "one and three quarters"),
        ("3 ½ hours", "three and a half hours"),
        ("8/10", "eight out of ten"),
        ("95/100", "ninety-five out of one hundred"),
        ("5/2", "five over two"),
    ],
)
def test_ordinals_and_fractions_are_read_as_such(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("In 1999", "In nineteen ninety-nine"),
        ("2026", "twenty twenty-six"),
        ("in 2005", "in two thousand five"),
        ("1905", "nineteen oh five"),
        ("in 1066", "in ten sixty-six"),
        ("since 1845", "since eighteen forty-five"),
        ("The year 1900", "The year nineteen hundred"),
        ("the 1900s", "the nineteen hundreds"),
        ("the '90s", "the nineties"),
        ("the 80s", "the eighties"),
        ("1980's", "nineteen eighties"),
        ("the 2000s", "the two thousands"),
        ("mid-1990s", "mid nineteen nineties"),
        ("the summer of '69", "the summer of sixty-nine"),
        ("2019–2024", "twenty nineteen to twenty twenty-four"),
        ("2019-20", "twenty nineteen to twenty"),
        ("from 1939 to 1945", "from nineteen thirty-nine to nineteen forty-five"),
        ("© 2024", " twenty twenty-four"),
        ("1999 users", "one thousand nine hundred ninety-nine users"),
        ("1500 people", "one thousand five hundred people"),
    ],
)
def test_years_are_read_in_pairs(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("2026-11-24", "November twenty-fourth, twenty twenty-six"),
        ("2026/11/24", "November twenty-fourth, twenty twenty-six"),
        (
            "2026-11-24T14:05:00Z",
            "November twenty-fourth, twenty twenty-six, fourteen oh five U.T.C",
        ),
        ("11/24/2026", "November twenty-fourth, twenty twenty-six"),
        ("24/11/2026", "November twenty-fourth, twenty twenty-six"),
        ("24.11.2026", "November twenty-fourth, twenty twenty-six"),
        ("1/2/26", "January second, twenty twenty-six"),
        ("on 11/24", "on November twenty-fourth"),
        ("Nov 24, 2026", "November twenty-fourth, twenty twenty-six"),
        ("Nov. 3", "November third"),
        ("November 24th", "November twenty-fourth"),
        ("24 November", "November twenty-fourth"),
        ("24 November 2026", "November twenty-fourth, twenty twenty-six"),
        ("the 24th of November", "the twenty-fourth of November"),
        ("November 2026", "November twenty twenty-six"),
        ("Mon, Nov 24", "Monday, November twenty-fourth"),
        ("Mon–Fri", "Monday to Friday"),
        ("May 5", "May fifth"),
    ],
)
def test_dates_are_read_with_ordinals(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("10:30 AM", "ten thirty a.m"),
        ("10:30 am", "ten thirty a.m"),
        ("at 10 a.m. today", "at ten a.m today"),
        ("7pm", "seven p.m"),
        ("7 PM", "seven p.m"),
        ("14:05", "fourteen oh five"),
        ("12:00", "twelve o'clock"),
        ("9:00", "nine o'clock"),
        ("14:00", "fourteen hundred"),
        ("00:00", "midnight"),
        ("14:05:30", "fourteen oh five and thirty seconds"),
        ("9am-5pm", "nine a.m to five p.m"),
        ("9-11am", "nine to eleven a.m"),
        ("9:00–17:00", "nine o'clock to seventeen hundred"),
    ],
)
def test_times_are_read_as_on_a_clock(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("10-20", "ten to twenty"),
        ("9-5", "nine to five"),
        ("pages 10–12", "pages ten to twelve"),
        ("10 - 20", "ten to twenty"),
        ("3–5 days", "three to five days"),
        ("won 3-1", "won three to one"),
        ("3:1", "three to one"),
        ("16:9", "sixteen to nine"),
        ("5 km–10 km", "five kilometers to ten kilometers"),
    ],
)
def test_ranges_and_scores_are_read_with_to(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("$5", "five dollars"),
        ("$1", "one dollar"),
        ("$5.20", "five dollars and twenty cents"),
        ("$0.99", "ninety-nine cents"),
        ("$1.01", "one dollar and one cent"),
        ("$5.00", "five dollars"),
        ("$5.2", "five point two dollars"),
        ("$1,299.99", "one thousand two hundred ninety-nine dollars and ninety-nine cents"),
        ("$1.5 billion", "one point five billion dollars"),
        ("$3.2B", "three point two billion dollars"),
        ("£3m", "three million pounds"),
        ("£5.50", "five pounds and fifty pence"),
        ("£0.01", "one penny"),
        ("€1,000", "one thousand euros"),
        ("€0.50", "fifty cents"),
        ("¥500", "five hundred yen"),
        ("US$3.5bn", "three point five billion U.S dollars"),
        ("HK$20", "twenty Hong Kong dollars"),
        ("20 USD", "twenty U.S dollars"),
        ("1,000€", "one thousand euros"),
        ("99¢", "ninety-nine cents"),
        ("$10-20", "ten to twenty dollars"),
        ("$5-$10", "five to ten dollars"),
        ("$1.50-$2.50", "one dollar and fifty cents to two dollars and fifty cents"),
        ("£5m–£10m", "five million pounds to ten million pounds"),
        ("-$5", "minus five dollars"),
        ("a $5 million deal", "a five million dollar deal"),
        ("a $5 bill", "a five dollar bill"),
        ("$20/hr", "twenty dollars per hour"),
        ("$5/month", "five dollars per month"),
    ],
)
def test_money_is_read_after_the_amount(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("5%", "five percent"),
        ("12.5%", "twelve point five percent"),
        ("10–20%", "ten to twenty percent"),
        ("100%", "one hundred percent"),
        ("5 km", "five kilometers"),
        ("1 km", "one kilometer"),
        ("5–10 km", "five to ten kilometers"),
        ("1.5 m", "one point five meters"),
        ("20°C", "twenty degrees Celsius"),
        ("-5 °C", "minus five degrees Celsius"),
        ("98.6°F", "ninety-eight point six degrees Fahrenheit"),
        ("45°", "forty-five degrees"),
        ("3.5GB", "three point five gigabytes"),
        ("512 MB", "five hundred twelve megabytes"),
        ("300 Mbps", "three hundred megabits per second"),
        ("60 Hz", "sixty hertz"),
        ("2.4GHz", "two point four gigahertz"),
        ("100 km/h", "one hundred kilometers per hour"),
        ("60 mph", "sixty miles per hour"),
        ("10 mg/kg", "ten milligrams per kilogram"),
        ("20 m²", "twenty square meters"),
        ("5000mAh", "five thousand milliamp hours"),
        ("220V", "two hundred twenty volts"),
        ("60 W", "sixty watts"),
        ("1 kg", "one kilogram"),
        ("180 lbs", "one hundred eighty pounds"),
        ("5 ft", "five feet"),
        ("6 ft 2 in", "six feet two inches"),
        ("5'10\"", "five foot ten"),
        ("a 5 km run", "a five kilometer run"),
        ("5x faster", "five times faster"),
        ("90 min", "ninety minutes"),
        ("2 hrs", "two hours"),
        ("1080p", "ten eighty P"),
    ],
)
def test_percentages_and_units_are_read_in_full(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("jane.doe@example.com", "jane dot doe at example dot com"),
        (
            "jane_doe99@mail.example.co.uk",
            "jane underscore doe ninety-nine at mail dot example dot co dot U.K",
        ),
        (
            "https://www.example.com/docs/page?id=5",
            "W.W.W dot example dot com slash docs slash page question mark id equals five",
        ),
        ("http://localhost:8080/path", "localhost colon eighty eighty slash path"),
        ("example.io", "example dot I.O"),
        ("Visit vultus.ai!", "Visit vultus dot A.I!"),
        ("(see example.com).", "(see example dot com)."),
        ("192.168.1.1", "one ninety-two dot one sixty-eight dot one dot one"),
        ("10.0.0.1:80", "ten dot zero dot zero dot one colon eight zero"),
        ("@vultus", "at vultus"),
        ("#OpenSource", "hashtag OpenSource"),
        ("#1", "number one"),
        ("node.js", "node dot js"),
        ("report.pdf", "report dot pdf"),
    ],
)
def test_addresses_are_spelled(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("+1 415-555-0132", "plus one, four one five, five five five, zero one three two"),
        ("415-555-0132", "four one five, five five five, zero one three two"),
        ("(415) 555-0132", "four one five, five five five, zero one three two"),
        ("415.555.0132", "four one five, five five five, zero one three two"),
        ("555-0132", "five five five, zero one three two"),
        ("555-0132 x12", "five five five, zero one three two, extension one two"),
        ("1-800-555-0199", "one, eight zero zero, five five five, zero one nine nine"),
        ("1-800-FLOWERS", "one, eight hundred, FLOWERS"),
        ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
        (
            "+86 138 1234 5678",
            "plus eight six, one three eight, one two three four, five six seven eight",
        ),
        ("Call 911", "Call nine one one"),
        (
            "ISBN 978-3-16-148410-0",
            "ISBN nine seven eight, three, one six, one four eight four one zero, zero",
        ),
        (
            "4111 1111 1111 1111",
            "four one one one, one one one one, one one one one, one one one one",
        ),
        ("123-45-6789", "one two three, four five, six seven eight nine"),
    ],
)
def test_phone_numbers_are_read_digit_by_digit(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("room 304", "room three oh four"),
        ("Room 1205", "Room twelve oh five"),
        ("flight 1234", "flight twelve thirty-four"),
        ("UA857", "UA eight fifty-seven"),
        ("error 404", "error four oh four"),
        ("Boeing 747", "Boeing seven forty-seven"),
        ("PIN 0042", "PIN zero zero four two"),
        ("order #12345", "order number one two three four five"),
        ("v2.0.1", "version two point zero point one"),
        ("version 3.11", "version three point eleven"),
        ("Python 3.11.4", "Python three point eleven point four"),
        ("iPhone 15", "iPhone fifteen"),
        ("GPT-4", "GPT four"),
        ("COVID-19", "COVID nineteen"),
        ("F-16", "F sixteen"),
        ("MP3", "MP three"),
        ("G20", "G twenty"),
        ("A4 paper", "ay four paper"),
        ("H2O", "H two O"),
        ("3D", "three D"),
        ("R2-D2", "R two-D two"),
        ("x86", "x eighty-six"),
        ("5G", "five G"),
        ("10K followers", "ten K followers"),
        ("5M users", "five million users"),
        ("24/7", "twenty-four seven"),
        ("9/11", "nine eleven"),
        ("Windows 11", "Windows eleven"),
    ],
)
def test_names_with_numbers_are_read_as_names(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Chapter IV", "Chapter four"),
        ("Henry VIII", "Henry the eighth"),
        ("World War II", "World War two"),
        ("Louis XIV's", "Louis the fourteenth's"),
        ("Elizabeth I.", "Elizabeth the first."),
        ("Act I", "Act one"),
        ("Super Bowl LVIII", "Super Bowl fifty-eight"),
        ("I think", "I think"),
        ("the MIX", "the MIX"),
        ("vitamin C", "vitamin C"),
    ],
)
def test_roman_numerals_are_read_where_they_are_certain(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Dr. Smith", "Doctor Smith"),
        ("Mr. Lee and Mrs. Jones", "Mister Lee and Missus Jones"),
        ("Ms. Green", "Miz Green"),
        ("Prof. Lee", "Professor Lee"),
        ("St. Paul", "Saint Paul"),
        ("Main St.", "Main Street."),
        ("12 Elm Dr.", "twelve Elm Drive."),
        ("5th Ave.", "fifth Avenue."),
        ("Acme Inc.", "Acme Incorporated."),
        ("Martin Luther King Jr.", "Martin Luther King Junior."),
        ("tea, e.g. green", "tea, for example green"),
        ("that is, i.e. this", "that is, that is this"),
        ("tea, coffee, etc.", "tea, coffee, et cetera."),
        ("etc. and so on", "et cetera and so on"),
        ("cats vs. dogs", "cats versus dogs"),
        ("approx. 10", "approximately ten"),
        ("No. 5", "number five"),
        ("p. 12", "page twelve"),
        ("pp. 5–10", "pages five to ten"),
        ("Fig. 3", "Figure three"),
        ("R&D", "R and D"),
        ("Q&A", "Q and ay"),
        ("AT&T", "ay T and T"),
        ("w/o milk", "without milk"),
        ("Ph.D.", "P.H.D"),
    ],
)
def test_abbreviations_are_read_in_full(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("the US economy", "the U.S economy"),
        ("the IT department", "the I.T department"),
        ("the WHO", "the W.H.O"),
        ("AWS", "A.W.S"),
        ("NASA", "NASA"),
        ("the API", "the API"),
        ("USB", "USB"),
        ("JSON", "Jason"),
        ("GIVE IT TO US", "GIVE IT TO US"),
        ("plan A", "plan ay"),
        ("C&A", "C and ay"),
        ("an A+ grade", "an ay plus grade"),
    ],
)
def test_acronyms_that_look_like_words_are_spelled(text: str, spoken: str) -> None:
    assert said(text) == spoken


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("you & me", "you and me"),
        ("2+2=4", "two plus two equals four"),
        ("5 - 3 = 2", "five minus three equals two"),
        ("3 x 4", "three by four"),
        ("3 × 4", "three times four"),
        ("10 ÷ 2", "ten divided by two"),
        ("2^10", "two to the power of ten"),
        ("x²", "x squared"),
        ("10⁻⁶", "ten to the minus sixth"),
        ("<5", "less than five"),
        (">10", "more than ten"),
        ("5 < 6", "five less than six"),
        ("x > 3", "x more than three"),
        ("x < -3", "x less than minus three"),
        ("3 < x", "three less than x"),
        ("3<x", "three less than x"),
        ("a < b", "a  b"),
        ("if a<b and c>3", "if a b and c more than three"),
        ("<b>bold</b> 5 < 6", "b bold b five less than six"),
        ("<h1>Title</h1>", "h one Title h one"),
        ("5<b>x</b>", "five b x b"),
        ('<break time="3s"/>5', 'break time equals"three seconds"five'),
        ("<font size=5>5", "font size equals five five"),
        ("好，Yes。", "好,Yes."),
        ("~50", "about fifty"),
        ("18+", "eighteen plus"),
        ("≥ 3", "is at least three"),
        ("C++", "C plus plus"),
        ("C#", "C sharp"),
        ("π", "pi"),
        ("and/or", "and or"),
        ("snake_case", "snake case"),
        ("**bold**", "bold"),
        ("wait - what", "wait — what"),
        ("wait -- what", "wait — what"),
        ("wait – what", "wait — what"),
        ("wait—what", "wait—what"),
        ("Paris–Dakar", "Paris Dakar"),
        ("Stop!!!", "Stop!"),
        ("What?!?!", "What?"),
        ("well....", "well…"),
        ("“Smart” quotes", "“Smart” quotes"),
        ("don’t", "don't"),
        ("[link]", "(link)"),
        ("Hello 😀!", "Hello !"),
        ("A • B", "A , B"),
        ("café", "cafe"),
        ("Beyoncé", "Beyonce"),
        ("Łódź", "Lodz"),
        ("Straße", "Strasse"),
    ],
)
def test_symbols_are_named_or_shape_the_sentence(text: str, spoken: str) -> None:
    assert said(text) == spoken
