//! As much of PHP as freepbx.conf needs: assignments `$amp_conf['KEY'] = 'value';`, read and never run.
//!
//! Comments, strings and what stands outside of `<?php ... ?>` are told apart as PHP tells them, so an assignment in one
//! of them assigns nothing. A value is a text or a number, or several with dots between. Whatever else PHP would have to
//! work out is no value here but an expression, with its line.

use std::collections::HashMap;

/// What a setting was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// These bytes.
    Value(Vec<u8>),
    /// What only PHP can work out, in this line (from 1).
    Expression(usize),
}

/// Words behind which a statement is done on a condition only.
const CONDITIONS: [&[u8]; 7] = [b"if", b"else", b"elseif", b"while", b"for", b"foreach", b"switch"];
/// Words that end what a condition and a colon began.
const ENDS: [&[u8]; 5] = [b"endif", b"endwhile", b"endfor", b"endforeach", b"endswitch"];

/// All settings of `$amp_conf`, the last assignment of each.
pub fn assignments(text: &[u8]) -> HashMap<String, Given> {
    let tokens: Vec<(usize, Token)> = Scanner { text, at: 0, php: false }.collect();
    let line = |at: usize| 1 + text[..at].iter().filter(|byte| **byte == b'\n').count();
    let token = |place: usize| tokens.get(place).map(|(_, token)| token);
    let mut found = HashMap::new();
    let (mut depth, mut place) = (0usize, 0usize);
    while let Some((at, now)) = tokens.get(place) {
        match now {
            Token::Mark(b'{') => depth += 1,
            Token::Mark(b'}') => depth = depth.saturating_sub(1),
            Token::Word(word) if ENDS.contains(&lower(word).as_slice()) => depth = depth.saturating_sub(1),
            Token::Word(word) if is_condition(word) && begins_with_colon(&tokens, place) => depth += 1,
            Token::Variable(name) if name == b"amp_conf" => {
                let plain = depth == 0
                    && (place == 0 || matches!(token(place - 1), Some(Token::End | Token::Mark(b'}'))));
                match key(&tokens, place + 1) {
                    Some((key, behind)) if token(behind) == Some(&Token::Mark(b'=')) => {
                        let value = value(&tokens, behind + 1).filter(|_| plain);
                        found.insert(key, value.map_or_else(|| Given::Expression(line(*at)), Given::Value));
                    }
                    // `.=` and the like.
                    Some((key, behind)) if token(behind) == Some(&Token::Assign) => {
                        found.insert(key, Given::Expression(line(*at)));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        place += 1;
    }
    found
}

fn lower(word: &[u8]) -> Vec<u8> {
    word.to_ascii_lowercase()
}

fn is_condition(word: &[u8]) -> bool {
    CONDITIONS.contains(&lower(word).as_slice()) && !word.eq_ignore_ascii_case(b"elseif")
}

/// Whether behind the condition at `place` and its parentheses stands a colon: then all up to its end depends on it.
fn begins_with_colon(tokens: &[(usize, Token)], place: usize) -> bool {
    let mut open = 0usize;
    for (_, token) in &tokens[place + 1..] {
        match token {
            Token::Mark(b'(') => open += 1,
            Token::Mark(b')') => open = open.saturating_sub(1),
            _ if open > 0 => {}
            token => return *token == Token::Mark(b':') && !tokens[place].1.is_word(b"else"),
        }
    }
    false
}

/// `['KEY']` at a place: the key, and the place behind it.
fn key(tokens: &[(usize, Token)], place: usize) -> Option<(String, usize)> {
    match tokens.get(place..place + 3)? {
        [(_, Token::Mark(b'[')), (_, Token::Text(key)), (_, Token::Mark(b']'))] => {
            Some((String::from_utf8(key.clone()).ok()?, place + 3))
        }
        _ => None,
    }
}

/// Texts and numbers with dots between, up to the end of the statement.
fn value(tokens: &[(usize, Token)], mut place: usize) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    loop {
        match &tokens.get(place)?.1 {
            Token::Text(text) => value.extend(text),
            // PHP's null and false are empty texts.
            Token::Word(word) if [&b"null"[..], b"false"].contains(&lower(word).as_slice()) => {}
            _ => return None,
        }
        match tokens.get(place + 1).map(|(_, token)| token) {
            Some(Token::Mark(b'.')) => place += 2,
            Some(Token::End) | None => return Some(value),
            Some(_) => return None,
        }
    }
}

/// A piece of PHP.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// `$name`
    Variable(Vec<u8>),
    /// A keyword, a constant, a function's name.
    Word(Vec<u8>),
    /// A whole text or number, as what it stands for.
    Text(Vec<u8>),
    /// A text in which PHP would put something, or one without an end.
    Unknown,
    /// `.=` and the like.
    Assign,
    /// `==`, `=>`, `<=` and the like.
    Compare,
    /// `;` or `?>`
    End,
    /// Any other character.
    Mark(u8),
}

impl Token {
    fn is_word(&self, word: &[u8]) -> bool {
        matches!(self, Self::Word(found) if found.eq_ignore_ascii_case(word))
    }
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    php: bool,
}

impl Iterator for Scanner<'_> {
    type Item = (usize, Token);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if !self.php {
                self.at += find(self.rest(), b"<?")? + 2;
                if self.rest().get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"php")) {
                    self.at += 3;
                }
                self.php = true;
            }
            let start = self.at;
            let rest = self.rest();
            let first = *rest.first()?;
            let token = match first {
                b if b.is_ascii_whitespace() => {
                    self.at += 1;
                    continue;
                }
                b'#' => {
                    self.skip_line();
                    continue;
                }
                b'/' if rest.starts_with(b"//") => {
                    self.skip_line();
                    continue;
                }
                b'/' if rest.starts_with(b"/*") => {
                    self.at += find(&rest[2..], b"*/").map_or(rest.len(), |end| end + 4);
                    continue;
                }
                b'?' if rest.starts_with(b"?>") => {
                    self.at += 2;
                    self.php = false;
                    Token::End
                }
                b';' => self.mark(Token::End),
                b'\'' => self.single_quoted(),
                b'"' => self.double_quoted(),
                // Neither the text nor what stands in it is read.
                b'<' if rest.starts_with(b"<<<") => self.heredoc(),
                b'$' => {
                    self.at += 1;
                    let name = self.word();
                    if name.is_empty() { Token::Mark(b'$') } else { Token::Variable(name) }
                }
                b'0'..=b'9' => self.number(),
                b if is_word(b) => Token::Word(self.word()),
                _ => self.operator(),
            };
            return Some((start, token));
        }
    }
}

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn mark(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    /// A comment ends with its line, or before `?>`.
    fn skip_line(&mut self) {
        let rest = self.rest();
        let line = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        self.at += find(&rest[..line], b"?>").unwrap_or(line);
    }

    fn word(&mut self) -> Vec<u8> {
        let rest = self.rest();
        let end = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_vec()
    }

    /// A number that PHP prints as it is written, which 1.50, 0x10, 010, 1e3 and 1_000 are not.
    fn number(&mut self) -> Token {
        let rest = self.rest();
        let end = rest.iter().position(|byte| !is_word(*byte) && *byte != b'.').unwrap_or(rest.len());
        self.at += end;
        let number = &rest[..end];
        let plain = number.iter().all(u8::is_ascii_digit) && (number.len() == 1 || number[0] != b'0');
        // Beyond these PHP counts in floating point.
        if plain && number.len() <= 18 { Token::Text(number.to_vec()) } else { Token::Unknown }
    }

    fn operator(&mut self) -> Token {
        let rest = self.rest();
        let is_sign = |byte: &u8| b"=.+-*/%&|^?!<>".contains(byte);
        let signs = rest.iter().position(|byte| !is_sign(byte)).unwrap_or(rest.len()).max(1);
        let signs = match rest[..signs].iter().position(|byte| *byte == b'=') {
            // `=-1` is an assignment, `.=` and `==` are operators.
            Some(0) => rest.iter().take(3).take_while(|byte| matches!(byte, b'=' | b'>')).count(),
            Some(equals) => equals + 1,
            None => 1,
        };
        self.at += signs;
        match rest[..signs] {
            [one] => Token::Mark(one),
            [b'=' | b'!' | b'<' | b'>', ..] => Token::Compare,
            _ => Token::Assign,
        }
    }

    fn single_quoted(&mut self) -> Token {
        let mut value = Vec::new();
        let rest = self.rest();
        let mut at = 1;
        while let Some(byte) = rest.get(at) {
            match (byte, rest.get(at + 1)) {
                (b'\'', _) => {
                    self.at += at + 1;
                    return Token::Text(value);
                }
                (b'\\', Some(escaped @ (b'\'' | b'\\'))) => {
                    value.push(*escaped);
                    at += 1;
                }
                (byte, _) => value.push(*byte),
            }
            at += 1;
        }
        self.at = self.text.len();
        Token::Unknown
    }

    fn double_quoted(&mut self) -> Token {
        let mut value = Vec::new();
        let mut filled_in = false;
        let rest = self.rest();
        let mut at = 1;
        while let Some(byte) = rest.get(at) {
            match (byte, rest.get(at + 1)) {
                (b'"', _) => {
                    self.at += at + 1;
                    return if filled_in { Token::Unknown } else { Token::Text(value) };
                }
                (b'\\', Some(_)) => {
                    at += escaped(&rest[at + 1..], &mut value);
                }
                (b'$', Some(next)) if is_word(*next) && !next.is_ascii_digit() || *next == b'{' => {
                    filled_in = true;
                }
                (b'{', Some(b'$')) => filled_in = true,
                (byte, _) => value.push(*byte),
            }
            at += 1;
        }
        self.at = self.text.len();
        Token::Unknown
    }

    /// `<<<NAME ... NAME`
    fn heredoc(&mut self) -> Token {
        let rest = self.rest();
        let head = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let name: Vec<u8> = rest[3..head].iter().copied().filter(|byte| is_word(*byte)).collect();
        let mut at = head;
        while at < rest.len() {
            let line = &rest[at + 1..];
            let indent = line.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
            let end = line[indent..].strip_prefix(name.as_slice());
            if !name.is_empty() && end.is_some_and(|behind| behind.first().is_none_or(|byte| !is_word(*byte)))
            {
                self.at += at + 1 + indent + name.len();
                return Token::Unknown;
            }
            at += 1 + line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
        }
        self.at = self.text.len();
        Token::Unknown
    }
}

/// What stands behind a backslash in double quotes; returns how many bytes of it were read.
fn escaped(rest: &[u8], value: &mut Vec<u8>) -> usize {
    let digits = |from: usize, most: usize, base: u32| {
        rest.iter().skip(from).take(most).take_while(|byte| char::from(**byte).is_digit(base)).count()
    };
    let number = |from: usize, count: usize, base: u32| {
        let text = std::str::from_utf8(rest.get(from..from + count)?).ok()?;
        u32::from_str_radix(text, base).ok()
    };
    let simple = |byte: u8, value: &mut Vec<u8>| {
        value.push(byte);
        1
    };
    match rest.first() {
        Some(b'n') => simple(b'\n', value),
        Some(b't') => simple(b'\t', value),
        Some(b'r') => simple(b'\r', value),
        Some(b'v') => simple(0x0b, value),
        Some(b'e') => simple(0x1b, value),
        Some(b'f') => simple(0x0c, value),
        Some(byte @ (b'\\' | b'$' | b'"')) => simple(*byte, value),
        Some(b'0'..=b'7') => {
            let count = digits(0, 3, 8);
            // PHP keeps the lowest eight bits.
            value.push((number(0, count, 8).unwrap_or_default() & 0xff) as u8);
            count
        }
        Some(b'x') if digits(1, 2, 16) > 0 => {
            let count = digits(1, 2, 16);
            value.push(number(1, count, 16).unwrap_or_default() as u8);
            1 + count
        }
        Some(b'u') if rest.get(1) == Some(&b'{') => {
            let count = digits(2, 6, 16);
            match number(2, count, 16).and_then(char::from_u32) {
                Some(letter) if rest.get(2 + count) == Some(&b'}') => {
                    value.extend(letter.to_string().bytes());
                    3 + count
                }
                _ => simple(b'\\', value) - 1,
            }
        }
        _ => {
            value.push(b'\\');
            0
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|part| part == what)
}
