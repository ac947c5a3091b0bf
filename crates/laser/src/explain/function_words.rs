//! Function words of English: answers that name nothing.

/// Words in lower case that count as generic answers.
pub const FUNCTION_WORDS: [&str; 64] = [
    "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "do", "for", "from", "had", "has", "have", "he", "her", "his", "how", "i", "if", "in", "into", "is", "it", "its",
    "not", "of", "on", "one", "or", "our", "she", "so", "some", "such", "that", "the", "their", "they", "this", "to",
    "up", "was", "we", "were", "what", "when", "where", "which", "who", "will", "with", "would", "you", "your",
    "there",
];
