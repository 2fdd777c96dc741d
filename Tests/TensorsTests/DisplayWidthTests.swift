// What a text fills on a terminal.
import Tensors
import Testing

@Suite struct DisplayWidthTests {
    @Test(arguments: [
        ("", 0), ("cat", 3), ("Äpfel über Österre", 18), ("A\u{308}pfel u\u{308}ber O\u{308}sterre", 18), ("猫", 2), ("ねこ", 4),
        ("고양이", 6), ("🐱", 2), ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("×→█", 3), ("שלום", 4), ("e\u{301}", 1), ("\u{200B}", 0), ("Ａ", 2),
    ]) func countsColumns(_ text: String, _ width: Int) {
        #expect(text.displayWidth == width)
        #expect(text.padded(to: 20).displayWidth == 20 && text.paddedBefore(to: 20).hasSuffix(text))
    }

    @Test func cutsWhereTheColumnsEnd() {
        #expect("category_7".fitted(to: 7) == "cate…_7" && "cat".fitted(to: 3) == "cat")
        #expect("猫猫猫".fitted(to: 4) == "猫…" && "猫猫".fitted(to: 4) == "猫猫" && "ab猫猫猫猫c".fitted(to: 8) == "ab猫猫…c")
        #expect("cat".fitted(to: 0) == "" && "abc".padded(to: 2) == "abc")
    }
}
